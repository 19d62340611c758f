#include "hw/units/coefficients.h"

#include <algorithm>

#include "hw/cost.h"

namespace qloom::hw {

int signed_bits(const std::vector<std::int64_t>& values) {
    Range range{0, 0};
    for (const std::int64_t value : values) range = range.united({value, value});
    const IntType type = IntType::smallest(range);
    return type.bits + (type.is_signed ? 0 : 1);
}

MemoryImage coefficient_image(const std::string& name, const std::vector<std::int64_t>& mul,
                              const std::vector<std::int64_t>& add, std::int64_t channels,
                              std::int64_t pe) {
    const int mul_bits = signed_bits(mul);
    const int add_bits = signed_bits(add);
    const std::int64_t lane_bits = mul_bits + add_bits;
    MemoryImage image(name, pe * lane_bits, channels / pe);
    for (std::int64_t channel = 0; channel < channels; ++channel) {
        const auto entry = mul.size() == 1 ? 0 : static_cast<std::size_t>(channel);
        image.set(channel / pe, channel % pe * lane_bits, mul_bits, mul[entry]);
        image.set(channel / pe, channel % pe * lane_bits + mul_bits, add_bits, add[entry]);
    }
    return image;
}

std::int64_t coefficient_channels(std::size_t entries, std::int64_t channels, Folding folding) {
    return entries == 1 ? folding.pe : channels;
}

Resources coefficient_cost(int input_bits, int mul_bits, int add_bits, int sum_bits,
                           std::int64_t channels, std::int64_t pe) {
    const auto lanes = static_cast<double>(pe);
    const std::int64_t folds = channels / pe;
    // With one fold the coefficients are constants, and a product costs about half.
    const double product = cost::product_luts(input_bits, mul_bits) * (folds == 1 ? 0.5 : 1.0);
    return {lanes * (product + sum_bits) + cost::rom_luts(folds, pe * (mul_bits + add_bits)),
            lanes * (input_bits + 2.0 * sum_bits + mul_bits + add_bits), 0.0, 0.0};
}

}  // namespace qloom::hw
