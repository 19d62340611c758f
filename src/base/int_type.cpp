#include "base/int_type.h"

#include <bit>

#include <fmt/format.h>

#include "base/diagnostic.h"

namespace qloom {

Range IntType::range() const {
    QLOOM_ASSERT(bits >= 1 && bits <= 63, "an integer type has 1 to 63 bits");
    if (is_signed) {
        const std::int64_t half = std::int64_t{1} << (bits - 1);
        return {-half + (narrow ? 1 : 0), half - 1};
    }
    const std::int64_t full = static_cast<std::int64_t>((std::uint64_t{1} << bits) - 1);
    return {0, full - (narrow ? 1 : 0)};
}

std::string IntType::text() const {
    return fmt::format("{}INT{}{}", is_signed ? "" : "U", bits, narrow ? "n" : "");
}

IntType IntType::smallest(Range range) {
    QLOOM_ASSERT(range.lo <= range.hi, "a range is not empty");
    const auto width = [](std::int64_t value) {
        return static_cast<int>(std::bit_width(static_cast<std::uint64_t>(value < 0 ? ~value : value)));
    };
    if (range.lo >= 0) {
        const int bits = width(range.hi);
        return {.bits = bits < 1 ? 1 : bits, .is_signed = false};
    }
    const int lo = width(range.lo);
    const int hi = width(range.hi);
    return {.bits = (lo > hi ? lo : hi) + 1, .is_signed = true};
}

}  // namespace qloom
