// Benches of the modules that compute element by element, and of argmax.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "rtl_bench.h"

namespace qloom::rtl_test {
namespace {

// The number whose low `bits` bits are those of `value`.
std::int64_t wrapped(std::int64_t value, int bits, bool is_signed) {
    const std::int64_t range = std::int64_t{1} << bits;
    std::int64_t low = value % range;
    low += low < 0 ? range : 0;
    return is_signed && low >= range / 2 ? low - range : low;
}

struct ChannelShape {
    int channels;
    int pe;
    int input_bits;
    bool input_signed;
    int output_bits;
    Text source = Text::kSource;
};

TEST(Lookup, AnyTable) {
    for (const ChannelShape& c : std::vector<ChannelShape>{{1, 1, 4, false, 4},
                                                           {1, 3, 1, true, 9},
                                                           {6, 2, 5, true, 3},
                                                           {3, 3, 2, false, 1},
                                                           {4, 2, 3, true, 5, Text::kNetlist}}) {
        SCOPED_TRACE(fmt::format("{} channels, pe {}, {} bits", c.channels, c.pe, c.input_bits));
        std::mt19937 random(41);
        const int entries = 1 << c.input_bits;
        const Numbers table = random_numbers(random, static_cast<std::size_t>(c.channels * entries),
                                             c.output_bits, false);
        const MemoryFolder memories;
        const int lanes = c.channels == 1 ? 1 : c.pe;
        for (int lane = 0; lane < lanes; ++lane) {
            std::vector<Numbers> words;
            for (int channel = lane; channel < c.channels; channel += lanes) {
                for (int x = 0; x < entries; ++x) {
                    words.push_back({table[static_cast<std::size_t>(channel * entries + x)]});
                }
            }
            memories.write(fmt::format("f_{:04}", lane), words, c.output_bits);
        }
        auto model = make_module("ql_lookup",
                                 {{"Channels", std::to_string(c.channels)},
                                  {"Pe", std::to_string(c.pe)},
                                  {"InputW", std::to_string(c.input_bits)},
                                  {"OutputW", std::to_string(c.output_bits)},
                                  {"TableFile", quoted("f")}},
                                 memories.path(), c.source);
        const Numbers inputs = random_numbers(
            random, static_cast<std::size_t>(60 * c.channels * c.pe), c.input_bits, c.input_signed);
        Numbers expected;
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            const std::int64_t x = wrapped(inputs[i], c.input_bits, false);
            expected.push_back(
                table[i % static_cast<std::size_t>(c.channels) * static_cast<std::size_t>(entries) +
                      static_cast<std::size_t>(x)]);
        }
        for (const Traffic& traffic : kAllTraffic) {
            const auto record =
                pass_through(model, pack(inputs, c.pe, c.input_bits),
                             inputs.size() / static_cast<std::size_t>(c.pe), traffic, 5);
            ASSERT_EQ(unpack(record.sinks[0].words, c.pe, c.output_bits, false), expected)
                << traffic.name;
            if (traffic.name == kFullSpeed.name) {
                EXPECT_EQ(record.sinks[0].cycles.front(), 2U);
                EXPECT_EQ(record.sinks[0].cycles.back(), record.sinks[0].cycles.size() + 1);
            }
        }
    }
}

struct AffineShape {
    int channels;
    int pe;
    int input_bits;
    bool input_signed;
    int mul_bits;
    int add_bits;
    int output_bits;
    Text source = Text::kSource;
};

TEST(ChannelAffine, MultipliesAndAdds) {
    for (const AffineShape& c :
         std::vector<AffineShape>{{4, 2, 8, true, 4, 8, 13},
                                  {1, 1, 1, false, 1, 1, 3},
                                  {3, 3, 8, false, 6, 20, 21},
                                  {6, 2, 12, true, 8, 4, 9},
                                  {4, 2, 5, true, 3, 6, 10, Text::kNetlist}}) {
        SCOPED_TRACE(fmt::format("{} channels, pe {}, {} bits", c.channels, c.pe, c.input_bits));
        std::mt19937 random(43);
        const Numbers mul =
            random_numbers(random, static_cast<std::size_t>(c.channels), c.mul_bits, true);
        const Numbers add =
            random_numbers(random, static_cast<std::size_t>(c.channels), c.add_bits, true);
        std::vector<Numbers> bits;  // a word as single bits: mul and add have different widths
        for (int fold = 0; fold < c.channels / c.pe; ++fold) {
            Numbers word;
            for (int p = 0; p < c.pe; ++p) {
                const auto channel = static_cast<std::size_t>(fold * c.pe + p);
                for (int b = 0; b < c.mul_bits; ++b) {
                    word.push_back(mul[channel] >> b & 1);
                }
                for (int b = 0; b < c.add_bits; ++b) {
                    word.push_back(add[channel] >> b & 1);
                }
            }
            bits.push_back(word);
        }
        const MemoryFolder memories;
        memories.write("k", bits, 1);
        auto model = make_module("ql_channel_affine",
                                 {{"Channels", std::to_string(c.channels)},
                                  {"Pe", std::to_string(c.pe)},
                                  {"InputW", std::to_string(c.input_bits)},
                                  {"InputSigned", c.input_signed ? "1" : "0"},
                                  {"MulW", std::to_string(c.mul_bits)},
                                  {"AddW", std::to_string(c.add_bits)},
                                  {"OutputW", std::to_string(c.output_bits)},
                                  {"CoefficientFile", quoted("k")}},
                                 memories.path(), c.source);
        const Numbers inputs = random_numbers(random, static_cast<std::size_t>(80 * c.channels),
                                              c.input_bits, c.input_signed);
        Numbers expected;
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            const std::size_t channel = i % static_cast<std::size_t>(c.channels);
            expected.push_back(
                wrapped(mul[channel] * inputs[i] + add[channel], c.output_bits, true));
        }
        for (const Traffic& traffic : kAllTraffic) {
            const auto record =
                pass_through(model, pack(inputs, c.pe, c.input_bits),
                             inputs.size() / static_cast<std::size_t>(c.pe), traffic, 5);
            ASSERT_EQ(unpack(record.sinks[0].words, c.pe, c.output_bits, true), expected)
                << traffic.name;
            if (traffic.name == kFullSpeed.name) {
                EXPECT_EQ(record.sinks[0].cycles.front(), 3U);
                EXPECT_EQ(record.sinks[0].cycles.back(), record.sinks[0].cycles.size() + 2);
            }
        }
    }
}

// Joins two random streams at all kinds of traffic and compares with `meaning`.
template <typename Meaning>
void check_join(sim::VerilatedModel& model, int elements, int a_bits, bool a_signed, int b_bits,
                bool b_signed, int output_bits, Meaning meaning) {
    std::mt19937 random(47);
    const std::size_t beats = 200;
    const std::size_t count = beats * static_cast<std::size_t>(elements);
    const Numbers a = random_numbers(random, count, a_bits, a_signed);
    const Numbers b = random_numbers(random, count, b_bits, b_signed);
    const std::vector<std::uint32_t> a_beats = pack(a, elements, a_bits);
    const std::vector<std::uint32_t> b_beats = pack(b, elements, b_bits);
    Numbers expected;
    for (std::size_t i = 0; i < count; ++i) {
        expected.push_back(wrapped(meaning(a[i], b[i]), output_bits, true));
    }
    for (const Traffic& traffic : kAllTraffic) {
        sim::StreamHarness harness(model);
        const sim::Source sources[] = {
            {.stream = {"s_axis_a"}, .words = a_beats, .idle_percent = traffic.idle_percent},
            {.stream = {"s_axis_b"}, .words = b_beats, .idle_percent = traffic.idle_percent / 2}};
        const sim::Sink sink{
            .stream = {"m_axis"}, .beats = beats, .stall_percent = traffic.stall_percent};
        const auto record = harness.run(
            sources, {&sink, 1}, {.seed = 9, .stuck_after_cycles = 5000, .drain_cycles = 50});
        EXPECT_EQ(record.sinks[0].surplus, 0U);
        ASSERT_EQ(unpack(record.sinks[0].words, elements, output_bits, true), expected)
            << traffic.name;
        if (traffic.name == kFullSpeed.name) {
            EXPECT_EQ(record.sinks[0].cycles.front(), 2U);
            EXPECT_EQ(record.sinks[0].cycles.back(), beats + 1);
        }
    }
}

struct AddShape {
    int elements;
    int a_bits;
    bool a_signed;
    int a_mul;
    int b_bits;
    bool b_signed;
    int b_mul;
    int output_bits;
    Text source = Text::kSource;
};

TEST(Add, JoinsTwoStreams) {
    for (const AddShape& c :
         std::vector<AddShape>{{1, 8, false, 1, 8, false, 1, 10},
                               {3, 4, true, 1, 6, false, -1, 9},
                               {2, 1, false, 5, 8, true, -12, 14},
                               {1, 20, true, 3, 20, true, 1000, 40},
                               {2, 8, true, 1, 8, true, 1, 5},
                               {2, 4, true, -3, 4, false, 2, 9, Text::kNetlist}}) {
        const MemoryFolder folder;
        auto model = make_module("ql_add",
                                 {{"Elems", std::to_string(c.elements)},
                                  {"AW", std::to_string(c.a_bits)},
                                  {"ASigned", c.a_signed ? "1" : "0"},
                                  {"AMul", std::to_string(c.a_mul)},
                                  {"BW", std::to_string(c.b_bits)},
                                  {"BSigned", c.b_signed ? "1" : "0"},
                                  {"BMul", std::to_string(c.b_mul)},
                                  {"OutputW", std::to_string(c.output_bits)}},
                                 folder.path(), c.source);
        check_join(model, c.elements, c.a_bits, c.a_signed, c.b_bits, c.b_signed, c.output_bits,
                   [&c](std::int64_t a, std::int64_t b) { return c.a_mul * a + c.b_mul * b; });
    }
}

TEST(Mul, JoinsTwoStreams) {
    for (const AddShape& c :
         std::vector<AddShape>{{1, 8, false, 0, 8, false, 0, 17},
                               {3, 4, true, 0, 6, false, 0, 10},
                               {2, 1, false, 0, 8, true, 0, 14},
                               {1, 16, true, 0, 16, true, 0, 32},
                               {2, 8, true, 0, 8, true, 0, 5},
                               {2, 4, true, 0, 3, false, 0, 7, Text::kNetlist}}) {
        const MemoryFolder folder;
        auto model = make_module("ql_mul",
                                 {{"Elems", std::to_string(c.elements)},
                                  {"AW", std::to_string(c.a_bits)},
                                  {"ASigned", c.a_signed ? "1" : "0"},
                                  {"BW", std::to_string(c.b_bits)},
                                  {"BSigned", c.b_signed ? "1" : "0"},
                                  {"OutputW", std::to_string(c.output_bits)}},
                                 folder.path(), c.source);
        check_join(model, c.elements, c.a_bits, c.a_signed, c.b_bits, c.b_signed, c.output_bits,
                   [](std::int64_t a, std::int64_t b) { return a * b; });
    }
}

struct ArgmaxShape {
    int labels;
    int pe;
    int input_bits;
    bool input_signed;
    int index_bits;
    Text source = Text::kSource;
};

TEST(Argmax, FindsTheFirstMaximum) {
    for (const ArgmaxShape& c : std::vector<ArgmaxShape>{{10, 1, 8, true, 4},
                                                         {10, 10, 12, true, 4},
                                                         {10, 5, 3, false, 8},
                                                         {12, 4, 1, false, 4},
                                                         {1, 1, 4, true, 1},
                                                         {9, 3, 2, true, 4},
                                                         {6, 3, 5, true, 3, Text::kNetlist}}) {
        SCOPED_TRACE(fmt::format("{} labels, pe {}, {} bits", c.labels, c.pe, c.input_bits));
        std::mt19937 random(53);
        const std::size_t frames = 120;
        const auto labels = static_cast<std::size_t>(c.labels);
        const Numbers inputs =
            random_numbers(random, frames * labels, c.input_bits, c.input_signed);
        Numbers expected;
        for (std::size_t f = 0; f < frames; ++f) {
            const auto begin = inputs.begin() + static_cast<std::ptrdiff_t>(f * labels);
            expected.push_back(std::max_element(begin, begin + c.labels) - begin);
        }
        const MemoryFolder folder;
        auto model = make_module("ql_argmax",
                                 {{"Labels", std::to_string(c.labels)},
                                  {"Pe", std::to_string(c.pe)},
                                  {"InputW", std::to_string(c.input_bits)},
                                  {"InputSigned", c.input_signed ? "1" : "0"},
                                  {"IndexW", std::to_string(c.index_bits)}},
                                 folder.path(), c.source);
        for (const Traffic& traffic : kAllTraffic) {
            const auto record =
                pass_through(model, pack(inputs, c.pe, c.input_bits), frames, traffic, 5);
            ASSERT_EQ(unpack(record.sinks[0].words, 1, c.index_bits, false), expected)
                << traffic.name;
            if (traffic.name == kFullSpeed.name) {
                const auto beats = static_cast<std::size_t>(c.labels / c.pe);
                for (std::size_t f = 0; f < frames; ++f) {
                    EXPECT_EQ(record.sinks[0].cycles[f],
                              (f + 1) * beats - 1 + static_cast<std::size_t>(clog2(c.pe)) + 1);
                }
            }
        }
    }
}

}  // namespace
}  // namespace qloom::rtl_test
