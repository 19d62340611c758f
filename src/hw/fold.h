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
    Board board = {};
    double clock_mhz = 0.0;  // 0: the board's default
    // Exactly one of the three; frames/s become floor(clock / fps) cycles.
    std::optional<std::int64_t> target_ii = {};
    std::optional<double> target_fps = {};
    bool max_rate = false;  // the highest rate that fits
    std::optional<FoldingFile> folding = {};

    // What may be used: of every resource of the board its share 1 - headroom, and no more than
    // these. Without a statement the whole board; for max_rate four fifths of it.
    std::optional<double> headroom = {};  // 0 to below 1
    std::optional<std::int64_t> most_luts = {};
    std::optional<std::int64_t> most_dsps = {};
    std::optional<double> most_latency_us = {};
    // An accelerator that uses more is an error; without this it comes as near as it can, with a
    // note. Always so for max_rate, most_luts and most_dsps.
    bool must_fit = false;
    // What may be spent beyond the cheapest for a shorter latency, as a share of its price. 0: the
    // cheapest.
    double slack = 0.05;
};

// The cheapest accelerator that meets the target, by the prices of its board, within `slack`.
// Accelerator::decision says what decided. docs/rationale/hw.md: the method, and what is exact.
// Throws code::kTargetUnreachable (names the limiting layer and the best reachable II and
// frames/s), code::kDoesNotFit (the resource, by how much, the best that fits), code::kTargetBad,
// code::kClockBad, code::kFoldingIllegal, code::kFoldingUnknownLayer, code::kNoHardware.
Accelerator fold(const network::Network& network, const FoldOptions& options);

}  // namespace qloom::hw
