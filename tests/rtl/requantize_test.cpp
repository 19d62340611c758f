// Benches of ql_requantize and ql_resize.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "rtl_bench.h"

namespace qloom::rtl_test {
namespace {

struct RequantizeShape {
    int channels;
    int pe;
    int input_bits;
    bool input_signed;
    int mul_bits;
    int add_bits;
    int shift;
    std::int64_t lo;
    std::int64_t hi;
    int output_bits;
    Text source = Text::kSource;
};

// floor(value / 2^shift), without a shift of a negative number.
std::int64_t floor_divide(std::int64_t value, int shift) {
    const std::int64_t divisor = std::int64_t{1} << shift;
    return value / divisor - (value % divisor < 0 ? 1 : 0);
}

std::int64_t requantize_model(const RequantizeShape& c, std::int64_t mul, std::int64_t add,
                              std::int64_t x) {
    return std::clamp(floor_divide(mul * x + add, c.shift), c.lo, c.hi);
}

// The narrowest sum that holds every value: the module promises no more.
int sum_bits(const RequantizeShape& c) {
    const std::int64_t x = std::int64_t{1} << (c.input_signed ? c.input_bits - 1 : c.input_bits);
    const std::int64_t most =
        (std::int64_t{1} << (c.mul_bits - 1)) * x + (std::int64_t{1} << (c.add_bits - 1));
    return std::max(clog2(most + 1) + 1, c.shift + 1);
}

TEST(Requantize, ScalesShiftsAndClips) {
    for (const RequantizeShape& c :
         std::vector<RequantizeShape>{{8, 2, 16, true, 8, 16, 8, 0, 255, 8},
                                      {1, 1, 1, false, 1, 1, 0, -1, 1, 2},
                                      {3, 3, 12, false, 10, 24, 5, -32768, 32767, 16},
                                      {6, 2, 20, true, 14, 30, 17, -100, 100, 8},
                                      {4, 1, 32, true, 20, 40, 20, -4294967296, 4294967295, 34},
                                      {4, 2, 6, true, 4, 6, 3, -3, 4, 4, Text::kNetlist}}) {
        SCOPED_TRACE(fmt::format("{} channels, pe {}, {} bits", c.channels, c.pe, c.input_bits));
        std::mt19937 random(53);
        const Numbers mul =
            random_numbers(random, static_cast<std::size_t>(c.channels), c.mul_bits, true);
        const Numbers add =
            random_numbers(random, static_cast<std::size_t>(c.channels), c.add_bits, true);
        std::vector<Numbers> bits;  // a word as single bits: mul and add have different widths
        for (int fold = 0; fold < c.channels / c.pe; ++fold) {
            Numbers word;
            for (int p = 0; p < c.pe; ++p) {
                const auto channel = static_cast<std::size_t>(fold * c.pe + p);
                for (int b = 0; b < c.mul_bits; ++b) word.push_back(mul[channel] >> b & 1);
                for (int b = 0; b < c.add_bits; ++b) word.push_back(add[channel] >> b & 1);
            }
            bits.push_back(word);
        }
        const MemoryFolder memories;
        memories.write("k", bits, 1);
        const auto wide = [](std::int64_t value) {
            return fmt::format("64'h{:x}", static_cast<std::uint64_t>(value));
        };
        auto model = make_module("ql_requantize",
                                 {{"Channels", std::to_string(c.channels)},
                                  {"Pe", std::to_string(c.pe)},
                                  {"InputW", std::to_string(c.input_bits)},
                                  {"InputSigned", c.input_signed ? "1" : "0"},
                                  {"MulW", std::to_string(c.mul_bits)},
                                  {"AddW", std::to_string(c.add_bits)},
                                  {"SumW", std::to_string(sum_bits(c))},
                                  {"Shift", std::to_string(c.shift)},
                                  {"Lo", wide(c.lo)},
                                  {"Hi", wide(c.hi)},
                                  {"OutputW", std::to_string(c.output_bits)},
                                  {"CoefficientFile", quoted("k")}},
                                 memories.path(), c.source);
        const Numbers inputs = random_numbers(random, static_cast<std::size_t>(80 * c.channels),
                                              c.input_bits, c.input_signed);
        Numbers expected;
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            const std::size_t channel = i % static_cast<std::size_t>(c.channels);
            expected.push_back(requantize_model(c, mul[channel], add[channel], inputs[i]));
        }
        for (const Traffic& traffic : kAllTraffic) {
            const auto record =
                pass_through(model, pack(inputs, c.pe, c.input_bits),
                             inputs.size() / static_cast<std::size_t>(c.pe), traffic, 5);
            ASSERT_EQ(unpack(record.sinks[0].words, c.pe, c.output_bits, c.lo < 0), expected)
                << traffic.name;
            if (traffic.name == kFullSpeed.name) {
                EXPECT_EQ(record.sinks[0].cycles.front(), 5U);
                EXPECT_EQ(record.sinks[0].cycles.back(), record.sinks[0].cycles.size() + 4);
            }
        }
    }
}

TEST(Resize, KeepsTheNumbers) {
    struct Shape {
        int elements;
        int in;
        int out;
        bool is_signed;
    };
    for (const Shape& shape : {Shape{1, 1, 8, false}, Shape{3, 5, 16, true}, Shape{2, 4, 7, false},
                               Shape{2, 3, 3, true}}) {
        const auto [elements, in, out, is_signed] = shape;
        SCOPED_TRACE(fmt::format("{} x {} -> {} bits, signed {}", elements, in, out, is_signed));
        auto model = make_module("ql_resize", {{"Elems", std::to_string(elements)},
                                               {"InW", std::to_string(in)},
                                               {"InSigned", is_signed ? "1" : "0"},
                                               {"OutW", std::to_string(out)}});
        for (std::int64_t x = 0; x < std::int64_t{1} << in; ++x) {
            // Each lane another number, all of them in turn.
            Numbers numbers;
            for (int e = 0; e < elements; ++e) {
                const std::int64_t bits = (x + e * 3) % (std::int64_t{1} << in);
                numbers.push_back(is_signed && bits >= std::int64_t{1} << (in - 1)
                                      ? bits - (std::int64_t{1} << in)
                                      : bits);
            }
            model.set(model.port("data_i"), pack(numbers, elements, in));
            model.eval();
            const std::uint64_t result = model.get("data_o");
            for (int e = 0; e < elements; ++e) {
                const std::uint64_t mask = (std::uint64_t{1} << out) - 1;
                ASSERT_EQ(result >> (e * out) & mask,
                          static_cast<std::uint64_t>(numbers[static_cast<std::size_t>(e)]) & mask);
            }
        }
    }
}

}  // namespace
}  // namespace qloom::rtl_test
