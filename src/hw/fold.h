#pragma once

#include <map>
#include <optional>
#include <string>

#include "hw/accelerator.h"
#include "network/network.h"

// Network -> Accelerator: the cheapest legal folding of every layer that meets the target, width converters, forks and
// FIFOs between, FIFO depths from the stream model.
namespace qloom::hw {

// A folding chosen by a person: folding.json. Layers that are not named keep the compiler's choice; FIFO depths too.
struct FoldingFile {
    std::map<std::string, Folding> layers;            // by layer name
    std::map<std::string, std::int64_t> fifo_depths;  // by FIFO instance name; 0 leaves the FIFO out
    std::string where;                                // file name, for messages

    friend bool operator==(const FoldingFile&, const FoldingFile&) = default;
};
// Throws Code::kFoldingFileBad.
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

// Throws Code::kTargetUnreachable (names the limiting layer and the best reachable II and frames/s),
// Code::kTargetBad, Code::kClockBad, Code::kFoldingIllegal, Code::kFoldingUnknownLayer.
Accelerator fold(const network::Network& network, const FoldOptions& options);

}  // namespace qloom::hw
