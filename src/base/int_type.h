#pragma once

#include <cstdint>
#include <string>

namespace qloom {

// A closed interval of integers, lo <= hi.
struct Range {
    std::int64_t lo = 0;
    std::int64_t hi = 0;

    [[nodiscard]] constexpr bool contains(std::int64_t value) const { return lo <= value && value <= hi; }
    [[nodiscard]] constexpr bool contains(Range other) const { return lo <= other.lo && other.hi <= hi; }
    // Number of integers in the interval.
    [[nodiscard]] constexpr std::uint64_t count() const {
        return static_cast<std::uint64_t>(hi) - static_cast<std::uint64_t>(lo) + 1;
    }
    [[nodiscard]] constexpr Range united(Range other) const {
        return {lo < other.lo ? lo : other.lo, hi > other.hi ? hi : other.hi};
    }
    friend constexpr bool operator==(Range, Range) = default;
};

// An integer type of hardware: `bits` in 1..64; signed is two's complement; narrow drops the most negative value
// (signed) or the largest (unsigned, as QONNX defines it).
//   INT4  = {4, true}         -8..7        UINT4  = {4, false}         0..15
//   INT4n = {4, true, true}   -7..7        UINT4n = {4, false, true}   0..14
struct IntType {
    int bits = 1;
    bool is_signed = false;
    bool narrow = false;

    [[nodiscard]] Range range() const;
    // "INT4", "UINT8", "INT4n".
    [[nodiscard]] std::string text() const;
    // The narrowest wide (not `narrow`) type that holds every value of the range; unsigned when lo >= 0; at least 1 bit.
    //   {0, 15} -> UINT4    {-8, 7} -> INT4    {-7, 8} -> INT5    {0, 0} -> UINT1
    [[nodiscard]] static IntType smallest(Range range);

    friend constexpr bool operator==(IntType, IntType) = default;
};

}  // namespace qloom
