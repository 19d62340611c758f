#include "hw/units/buffer.h"

#include "hw/cost.h"

namespace qloom::hw {

Buffer choose_buffer(std::int64_t words, std::int64_t bits, const Prices& prices) {
    const Resources block{0.0, 0.0, cost::block_rams(words, bits), 0.0};
    const Resources lutram{cost::ram_luts(words, bits), static_cast<double>(bits), 0.0, 0.0};
    if (!prices.has_lut_ram) return {block, "auto", true};
    if (prices.of(block) < prices.of(lutram)) return {block, "block", true};
    return {{lutram.luts, 0.0, 0.0, 0.0}, "distributed", false};
}

}  // namespace qloom::hw
