#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/codes/pack.h"
#include "emit/emit.h"
#include "hw/accelerator.h"
#include "network/execute.h"
#include "pack/firmware_project.h"
#include "pack/host_view.h"
#include "pack/stream_plan.h"

// Everything a real flow needs beside rtl/, for one board:
//   ip/        the accelerator as an IP of Vivado's catalogue
//   vivado/    build.tcl: IP to bitstream
//   pynq/      driver.py, a notebook, sample frames with known answers
//   linux/     the same in C++, for UIO and a DMA buffer
//   system/    the accelerator with Qloom's own DMA, for FPGAs and tools without a vendor's
//   firmware/  the bare-metal program, and the application for Vitis in firmware/vitis/
//   ice40/     boards with an iCE40 have this alone: the accelerator at a serial line, with pins
//   and clock
// Deterministic bytes; nothing names a machine, a path outside or a time.
namespace qloom::pack {

// The folders that belong to a package: writing one replaces them.
constexpr const char* kPackageFolders[] = {"firmware", "ice40",  "ip",    "linux",
                                           "pynq",     "system", "vivado"};

// Frames that travel with the package, and what the integer engine makes of them: known answers for
// a first run.
struct Samples {
    network::Frames inputs;   // (F, elements...), integers in the order of the input stream
    network::Frames outputs;  // (F, elements...)
    std::vector<std::int64_t> labels = {};  // of a dataset, or empty
};

struct PackageOptions {
    std::int64_t batch = 100;   // frames a transfer of the bare-metal program, at most all samples
    OutputMeaning output = {};  // how the bare-metal programs compare results; empty: as integers
};

struct Package {
    std::vector<emit::TextFile> files;  // sorted by path
    std::vector<std::string> notes;     // what was left out, and why
};

// Throws code::kTooBigForBoard unless the estimate fits; `target` is the line of advice (which
// target would fit).
void check_size(const hw::Accelerator& accelerator, const hw::Board& board,
                const std::string& target);
// "" when it fits, else by how much it does not: "needs 63840 LUTs of 53200 (20 % too many)".
std::string excess(const hw::Accelerator& accelerator, const hw::Board& board);

// Sample frames are for a first run on a board and stand as text in several files: at most 32 Mi
// values. Throws code::kSamplesTooMany.
void check_sample_count(const hw::Accelerator& accelerator, std::int64_t frames);

// How many made-up frames a package gets: 16, fewer of large ones.
std::int64_t made_up_sample_count(const hw::Accelerator& accelerator);

// `rtl` are the files of rtl/ (emit::generate()). A board without processor or an accelerator with
// several streams gets ip/ alone, and a note says so. Throws code::kSamplesBeyondMemory.
Package make_package(const hw::Accelerator& accelerator, const hw::Board& board,
                     const lower::Lowered& lowered, const std::vector<emit::TextFile>& rtl,
                     const Samples& samples, const PackageOptions& options = {});

}  // namespace qloom::pack
