#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hw/memory_image.h"
#include "hw/unit.h"

// What ql_channel_affine and ql_requantize share: a multiplier and an addend a channel.
namespace qloom::hw {

// Bits of the narrowest two's complement type that holds every value.
int signed_bits(const std::vector<std::int64_t>& values);

// One word a fold; lane p at bit p * (mul_bits + add_bits): the multiplier (low), then the addend.
// `mul` and `add` have one entry a channel, or one for all.
MemoryImage coefficient_image(const std::string& name, const std::vector<std::int64_t>& mul,
                              const std::vector<std::int64_t>& add, std::int64_t channels,
                              std::int64_t pe);

// Channels the hardware tells apart: one entry for all is a memory of one word.
std::int64_t coefficient_channels(std::size_t entries, std::int64_t channels, Folding folding);

// Multipliers, adders and memory.
Resources coefficient_cost(int input_bits, int mul_bits, int add_bits, int sum_bits,
                           std::int64_t channels, std::int64_t pe);

}  // namespace qloom::hw
