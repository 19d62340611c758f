#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/codes/hw.h"
#include "hw/accelerator.h"
#include "network/network.h"

// Network -> Accelerator: the cheapest legal folding of every layer that meets the target, width
// converters, forks and FIFOs between, FIFO depths from the stream model.
namespace qloom::hw {

// A folding chosen by a person: folding.json. What it does not name stays the compiler's choice.
//   {"layers": {"fc1": {"pe": 64, "simd": 8}, "act1": {"pe": 2}},
//    "fifo_depths": {"fifo_add_1": 32}, "ports": {"s_axis_0": 8}}
struct FoldingFile {
    std::map<std::string, Folding> layers;  // by layer name; a 0 is left to the compiler
    std::optional<std::map<std::string, std::int64_t>>
        fifo_depths;                            // by FIFO instance name; those not named: none
    std::map<std::string, std::int64_t> ports;  // elements a beat, by port name
    std::map<std::string, bool> constant;       // by layer name: weights in logic, or never so
    std::string where;                          // file name, for messages

    friend bool operator==(const FoldingFile&, const FoldingFile&) = default;
};
// Throws code::kFoldingFileBad.
FoldingFile parse_folding_file(const std::string& json_text, const std::string& where);
// The folding of an accelerator, readable and accepted back.
std::string folding_file_text(const Accelerator& accelerator);

struct FoldOptions {
    Board board;
    double clock_mhz = 0.0;  // 0: the board's default
    // Exactly one of the two; frames/s become floor(clock / fps) cycles.
    std::optional<std::int64_t> target_ii = {};
    std::optional<double> target_fps = {};
    std::optional<FoldingFile> folding = {};
};

// Throws code::kTargetUnreachable (names the limiting layer and the best reachable II and
// frames/s), code::kTargetBad, code::kClockBad, code::kFoldingIllegal, code::kFoldingUnknownLayer,
// code::kNoHardware.
Accelerator fold(const network::Network& network, const FoldOptions& options);

}  // namespace qloom::hw
