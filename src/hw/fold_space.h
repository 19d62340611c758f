#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hw/assignment.h"
#include "hw/fold.h"
#include "hw/unit.h"
#include "network/network.h"

// Everything that a folding may be, whatever the target: computed once, filtered for each target.
// `network` is prepared (hw/prepare.h).
namespace qloom::hw {

// One way to build a layer, and those that are folded with it.
struct Choice {
    Folding folding;
    int prices = 0;           // of FoldSpace::prices: by which its memories and products are chosen
    std::int64_t cycles = 0;  // a frame, of the slowest of them
    Usage usage = {};         // with the converters between them
    int input_key = 0;        // elements a beat at its inputs: LayerSpace::input_keys
    int output_key = 0;
};

// A layer that is free to be folded. Its ports are those that meet other layers, or the outside.
struct LayerSpace {
    std::size_t layer = 0;
    std::vector<std::size_t> input_wires;  // streams, one a port
    std::vector<std::size_t> output_wires;
    std::vector<std::vector<std::int64_t>> input_keys;  // elements a beat, one a port
    std::vector<std::vector<std::int64_t>> output_keys;
    std::vector<Choice> choices;  // in the order of legal_foldings
    std::int64_t fastest = 1;     // cycles
    bool is_pinned = false;       // by a folding file: then it may be slower than the target
};

struct FoldSpace {
    std::vector<LayerSpace> layers;
    std::vector<Prices> prices;
    std::int64_t fastest_ii = 1;  // that the layers which are not pinned can reach
    std::string limiting;         // "layer fc1": the one that cannot go below it
};

// Prices by which every implementation comes into view: block RAM and DSPs free, cheap, dear,
// forbidden, in all combinations.
struct PriceLadder {
    std::vector<double> bram36;  // of the board's first
    std::vector<double> dsp;
};
PriceLadder price_ladder(const Prices& base);

// With the implementations that the prices lead to, the board's own first, each once. Without a
// ladder: those of the board's prices alone.
// Throws code::kNoHardware, code::kFoldingIllegal, code::kFoldingFileBad,
// code::kFoldingUnknownLayer.
FoldSpace fold_space(const network::Network& network, const FoldOptions& options,
                     const Prices& prices, const PriceLadder& ladder = {});

// What a block RAM and a DSP are worth on a board, in LUTs.
Prices scarcity_prices(const Board& board);

Usage usage_of(const Resources& cost);
Resources resources_of(const Usage& usage);
Usage weights_of(const Prices& prices);

}  // namespace qloom::hw
