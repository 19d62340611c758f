#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/codes/pack.h"
#include "emit/emit.h"
#include "hw/accelerator.h"

// The bare-metal program that runs an accelerator: the sources of firmware/ and what is generated
// for one network on one board (board.h, model.h, samples.h, memory.ld, config.mk).
// firmware/README.md describes them.
namespace qloom::pack {

// Frames that are compiled into the program.
struct FirmwareSamples {
    std::int64_t frames = 0;
    std::vector<std::uint8_t> bytes =
        {};  // frames * frame_bytes(input), as stream_bytes() makes them
    std::vector<std::int64_t> labels = {};  // the right answers, or empty
};

// What the model means by the accelerator's results, where the order of the integers is not that of
// the real numbers:
//   real[i] = float(bias[i] + scale[i] * integer[i]), then each step in turn, in floats
struct OutputMeaning {
    struct Step {
        char operation = '+';       // + - or *
        std::vector<float> values;  // one a value of the output
    };
    std::vector<double> scale = {};  // one a value of the output; empty: integers are compared
    std::vector<double> bias = {};
    std::vector<Step> steps = {};
};

struct FirmwareOptions {
    std::int64_t batch = 1;     // frames a transfer; written as the default of `make`
    bool print_frames = false;  // a line a frame
    OutputMeaning output = {};
};

// "a9" or "a53": the processor that the board's bare-metal program runs on, as the Makefile calls
// it.
std::string firmware_cpu(const hw::Board& board);

// The complete project, sorted by path; paths are relative to the project's folder. `accelerator`
// has one input and one output stream. Throws code::kBoardWithoutProcessor, code::kSeveralStreams,
// code::kSamplesBeyondMemory, code::kBatchTooLong.
std::vector<emit::TextFile> firmware_project(const hw::Accelerator& accelerator,
                                             const hw::Board& board, const FirmwareSamples& samples,
                                             const FirmwareOptions& options = {});

}  // namespace qloom::pack
