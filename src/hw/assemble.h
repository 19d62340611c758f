#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "hw/accelerator.h"
#include "hw/unit.h"
#include "network/network.h"

namespace qloom::hw {

// Everything that is free to choose about the hardware of a network.
struct Plan {
    std::vector<Folding>
        foldings;  // one a layer (ignored for reshapes and for layers with a leader)
    std::vector<std::int64_t> input_elements;         // a beat of each accelerator input
    std::vector<std::int64_t> output_elements;        // and output
    std::map<std::string, std::int64_t> fifo_depths;  // by FIFO instance name; absent or 0: no FIFO
    bool fifos_are_smallest = true;  // what the search for them says
    Prices prices;
    // By which each layer's implementation is chosen, one a layer; empty: `prices` for all.
    std::vector<Prices> layer_prices;
    bool every_fifo =
        false;  // put a FIFO at every place one may stand (to find out how full it gets)
};

// Bits of an element on an output port: 8, 16, 32 or 64.
int output_element_bits(IntType type);

// Elements a beat in which the stream of each output of the accelerator is made.
std::vector<std::int64_t> made_elements(const network::Network& network, const Plan& plan);

// Instances, streams, converters, forks and FIFOs for a plan. ii_cycles and latency_cycles are left
// at 0. `network` is prepared (hw/prepare.h).
Accelerator assemble(const network::Network& network, const Plan& plan);

}  // namespace qloom::hw
