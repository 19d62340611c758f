#pragma once

#include <cstdint>
#include <string>

#include "hw/unit.h"

// Memories that are written while the accelerator runs: line buffers, replay buffers, FIFOs.
namespace qloom::hw {

struct Buffer {
    Resources cost;
    std::string ram_style;  // "distributed" or "block", for the module's RamStyle
    bool is_block = false;  // block RAM, which brings its own output register

    // Flip-flops of the register behind it.
    [[nodiscard]] double register_ffs(std::int64_t bits) const {
        return is_block ? 0.0 : static_cast<double>(bits);
    }
};

// LUTRAM or block RAM, whichever is worth less at these prices; without LUTRAM what the tools
// choose.
Buffer choose_buffer(std::int64_t words, std::int64_t bits, const Prices& prices);

}  // namespace qloom::hw
