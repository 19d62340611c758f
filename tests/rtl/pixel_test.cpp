// Benches of what moves or joins pixels: repetition, inserted pixels, reduction over a frame, depth
// to space, permuted channels.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "rtl_bench.h"

namespace qloom::rtl_test {
namespace {

std::string text(std::int64_t number) { return std::to_string(number); }

struct RepeatCase {
    int width;
    int block;
    int times;
    int words;
    Text source = Text::kSource;
};

TEST(Repeat, BlocksComeTheAskedNumberOfTimes) {
    for (const RepeatCase& c : std::vector<RepeatCase>{{8, 4, 2, 4},
                                                       {5, 1, 3, 2},
                                                       {1, 1, 1, 2},
                                                       {33, 3, 1, 3},
                                                       {4, 5, 4, 10},
                                                       {7, 2, 100, 3},
                                                       {3, 3, 2, 3, Text::kNetlist}}) {
        SCOPED_TRACE(fmt::format("block {} times {} words {}", c.block, c.times, c.words));
        const MemoryFolder folder;
        auto model = make_module("ql_repeat",
                                 {{"DataW", text(c.width)},
                                  {"Block", text(c.block)},
                                  {"Times", text(c.times)},
                                  {"Words", text(c.words)}},
                                 folder.path(), c.source);
        std::mt19937 random(3);
        const int blocks = 12;
        const Numbers in =
            random_numbers(random, static_cast<std::size_t>(c.block * blocks), c.width, false);
        Numbers expected;
        for (int b = 0; b < blocks; ++b) {
            for (int t = 0; t < c.times; ++t) {
                expected.insert(expected.end(), in.begin() + b * c.block,
                                in.begin() + (b + 1) * c.block);
            }
        }
        for (const Traffic& traffic : kAllTraffic) {
            const auto record =
                pass_through(model, pack(in, 1, c.width), expected.size(), traffic, 5);
            EXPECT_EQ(unpack(record.sinks[0].words, 1, c.width, false), expected) << traffic.name;
            if (traffic.name == kFullSpeed.name) {
                const std::uint64_t start = record.sources[0].cycles.front();
                EXPECT_EQ(record.sinks[0].cycles.front(), start + 2);
                EXPECT_EQ(record.sinks[0].cycles.back(), start + 2 + expected.size() - 1)
                    << "no gap between blocks";
            }
        }
    }
}

struct InsertCase {
    int elems;
    int beats;
    int width;
    int height;
    int factor_x;
    int factor_y;
    int value;
    Text source = Text::kSource;
};

TEST(InsertPixels, ConstantsStandBetweenPixels) {
    constexpr int kBits = 4;
    for (const InsertCase& c : std::vector<InsertCase>{{1, 1, 3, 2, 2, 2, 0},
                                                       {2, 3, 4, 1, 3, 1, 5},
                                                       {3, 1, 2, 3, 1, 3, -2},
                                                       {1, 2, 1, 1, 2, 2, 1},
                                                       {1, 1, 1, 4, 5, 2, 7},
                                                       {1, 2, 3, 2, 2, 3, 3, Text::kNetlist}}) {
        SCOPED_TRACE(fmt::format("{}x{} by {}x{}", c.height, c.width, c.factor_y, c.factor_x));
        const MemoryFolder folder;
        auto model = make_module("ql_insert_pixels",
                                 {{"ElemW", text(kBits)},
                                  {"Elems", text(c.elems)},
                                  {"Beats", text(c.beats)},
                                  {"Width", text(c.width)},
                                  {"Height", text(c.height)},
                                  {"FactorX", text(c.factor_x)},
                                  {"FactorY", text(c.factor_y)},
                                  {"Value", text(c.value)}},
                                 folder.path(), c.source);
        std::mt19937 random(3);
        const int frames = 5;
        const int channels = c.elems * c.beats;
        const Numbers in = random_numbers(
            random, static_cast<std::size_t>(frames * c.height * c.width * channels), kBits, true);
        Numbers expected;
        for (int f = 0; f < frames; ++f) {
            for (int y = 0; y <= (c.height - 1) * c.factor_y; ++y) {
                for (int x = 0; x <= (c.width - 1) * c.factor_x; ++x) {
                    const bool is_input = y % c.factor_y == 0 && x % c.factor_x == 0;
                    const int pixel = (f * c.height + y / c.factor_y) * c.width + x / c.factor_x;
                    for (int k = 0; k < channels; ++k) {
                        expected.push_back(is_input
                                               ? in[static_cast<std::size_t>(pixel * channels + k)]
                                               : c.value);
                    }
                }
            }
        }
        const std::size_t beats = expected.size() / static_cast<std::size_t>(c.elems);
        for (const Traffic& traffic : kAllTraffic) {
            const auto record = pass_through(model, pack(in, c.elems, kBits), beats, traffic, 5);
            EXPECT_EQ(unpack(record.sinks[0].words, c.elems, kBits, true), expected)
                << traffic.name;
            if (traffic.name == kFullSpeed.name) {
                EXPECT_EQ(record.sinks[0].cycles.front(), record.sources[0].cycles.front() + 1);
                EXPECT_EQ(record.sinks[0].cycles.back(), record.sinks[0].cycles.front() + beats - 1)
                    << "no gap between frames";
            }
        }
    }
}

struct ReduceCase {
    int channels;
    int pe;
    int pixels;
    int input_bits;
    bool is_signed;
    int output_bits;
    bool is_maximum;
    Text source = Text::kSource;
};

TEST(GlobalReduce, SumsAndMaximaOfEveryChannel) {
    // Sums at the width that the extremes need (both are reached: a constant frame of either), and
    // maxima in wider and in equal elements.
    for (const ReduceCase& c :
         std::vector<ReduceCase>{{6, 2, 9, 4, false, 8, false},
                                 {6, 3, 4, 4, true, 6, false},
                                 {5, 5, 16, 3, true, 7, false},
                                 {4, 1, 1, 4, false, 4, false},
                                 {1, 1, 7, 1, false, 3, false},
                                 {8, 1, 5, 5, true, 5, true},
                                 {4, 4, 3, 3, false, 4, true},
                                 {4, 2, 2, 3, true, 6, true},
                                 {4, 2, 3, 2, true, 4, false, Text::kNetlist},
                                 {2, 2, 3, 2, true, 2, true, Text::kNetlist}}) {
        SCOPED_TRACE(fmt::format("{} channels by {}, {} pixels{}", c.channels, c.pe, c.pixels,
                                 c.is_maximum ? ", maximum" : ""));
        const MemoryFolder folder;
        auto model = make_module("ql_global_reduce",
                                 {{"Channels", text(c.channels)},
                                  {"Pe", text(c.pe)},
                                  {"Pixels", text(c.pixels)},
                                  {"InputW", text(c.input_bits)},
                                  {"InputSigned", text(c.is_signed ? 1 : 0)},
                                  {"OutputW", text(c.output_bits)},
                                  {"Maximum", text(c.is_maximum ? 1 : 0)}},
                                 folder.path(), c.source);
        std::mt19937 random(3);
        const int frames = 12;
        const int frame = c.pixels * c.channels;
        Numbers in = random_numbers(random, static_cast<std::size_t>(frames * frame), c.input_bits,
                                    c.is_signed);
        const std::int64_t lowest = c.is_signed ? -(std::int64_t{1} << (c.input_bits - 1)) : 0;
        const std::int64_t highest = lowest + (std::int64_t{1} << c.input_bits) - 1;
        std::fill_n(in.begin(), frame, lowest);
        std::fill_n(in.begin() + frame, frame, highest);
        Numbers expected;
        for (int f = 0; f < frames; ++f) {
            for (int k = 0; k < c.channels; ++k) {
                std::int64_t sum = 0;
                std::int64_t most = lowest;
                for (int p = 0; p < c.pixels; ++p) {
                    const std::int64_t x =
                        in[static_cast<std::size_t>(f * frame + p * c.channels + k)];
                    sum += x;
                    most = std::max(most, x);
                }
                expected.push_back(c.is_maximum ? most : sum);
            }
        }
        const int folds = c.channels / c.pe;
        for (const Traffic& traffic : kAllTraffic) {
            const auto record = pass_through(model, pack(in, c.pe, c.input_bits),
                                             static_cast<std::size_t>(frames * folds), traffic, 5);
            EXPECT_EQ(unpack(record.sinks[0].words, c.pe, c.output_bits, c.is_signed), expected)
                << traffic.name;
            if (traffic.name == kFullSpeed.name) {
                const auto& sent = record.sources[0].cycles;
                EXPECT_EQ(sent.back(), sent.front() + sent.size() - 1) << "a beat every cycle";
                EXPECT_EQ(record.sinks[0].cycles.back(), sent.back() + 2);
            }
        }
    }
}

struct DepthCase {
    int width;
    int block;
    int group;
    Text source = Text::kSource;
};

TEST(DepthToSpace, GroupsBecomeRows) {
    constexpr int kBits = 9;
    for (const DepthCase& c : std::vector<DepthCase>{
             {4, 2, 1}, {3, 2, 2}, {1, 3, 4}, {5, 1, 1}, {1, 1, 1}, {2, 3, 2, Text::kNetlist}}) {
        SCOPED_TRACE(fmt::format("width {} block {} group {}", c.width, c.block, c.group));
        const MemoryFolder folder;
        auto model = make_module("ql_depth_to_space",
                                 {{"DataW", text(kBits)},
                                  {"Width", text(c.width)},
                                  {"Block", text(c.block)},
                                  {"Group", text(c.group)}},
                                 folder.path(), c.source);
        std::mt19937 random(3);
        const int rows = 9;
        const int row = c.width * c.block * c.group;
        const Numbers in =
            random_numbers(random, static_cast<std::size_t>(rows * row), kBits, false);
        Numbers expected;
        for (int r = 0; r < rows; ++r) {
            for (int b = 0; b < c.block; ++b) {
                for (int x = 0; x < c.width; ++x) {
                    for (int g = 0; g < c.group; ++g) {
                        expected.push_back(in[static_cast<std::size_t>(
                            r * row + (x * c.block + b) * c.group + g)]);
                    }
                }
            }
        }
        for (const Traffic& traffic : kAllTraffic) {
            const auto record = pass_through(model, pack(in, 1, kBits), in.size(), traffic, 5);
            EXPECT_EQ(unpack(record.sinks[0].words, 1, kBits, false), expected) << traffic.name;
            if (traffic.name == kFullSpeed.name) {
                const auto& sent = record.sources[0].cycles;
                EXPECT_EQ(sent.back(), sent.front() + sent.size() - 1) << "no gap between rows";
                EXPECT_EQ(record.sinks[0].cycles.back(),
                          record.sinks[0].cycles.front() + in.size() - 1);
                EXPECT_EQ(record.sinks[0].cycles.front(),
                          sent[static_cast<std::size_t>(row) - 1] + 2);
            }
        }
    }
}

struct PermuteCase {
    int channels;
    int pe;
    int bits;
    bool shuffled;  // a channel shuffle of two groups; otherwise any order
    Text source = Text::kSource;
};

TEST(PermuteChannels, AnyOrder) {
    for (const PermuteCase& c : std::vector<PermuteCase>{{8, 2, 4, true},
                                                         {8, 8, 4, true},
                                                         {6, 1, 3, false},
                                                         {9, 3, 11, false},
                                                         {10, 10, 1, false},
                                                         {1, 1, 5, false},
                                                         {6, 2, 3, false, Text::kNetlist},
                                                         {5, 5, 2, false, Text::kNetlist}}) {
        SCOPED_TRACE(fmt::format("{} channels by {}", c.channels, c.pe));
        std::mt19937 random(17);
        std::vector<int> order(static_cast<std::size_t>(c.channels));
        std::iota(order.begin(), order.end(), 0);
        if (c.shuffled) {
            for (int k = 0; k < c.channels; ++k) {
                order[static_cast<std::size_t>(k)] = k % 2 * (c.channels / 2) + k / 2;
            }
        } else {
            std::shuffle(order.begin(), order.end(), random);
        }
        const int folds = c.channels / c.pe;
        const int lane_bits = std::max(1, clog2(c.pe));
        std::vector<Numbers> words;
        for (int fold = 0; fold < folds; ++fold) {
            Numbers word;
            for (int lane = 0; lane < c.pe; ++lane) {
                const int source = order[static_cast<std::size_t>(fold * c.pe + lane)];
                word.push_back((source / c.pe << lane_bits) | source % c.pe);
            }
            words.push_back(word);
        }
        const MemoryFolder folder;
        folder.write("order", words, std::max(1, clog2(folds)) + lane_bits);
        auto model = make_module("ql_permute_channels",
                                 {{"Channels", text(c.channels)},
                                  {"Pe", text(c.pe)},
                                  {"ElemW", text(c.bits)},
                                  {"OrderFile", quoted("order")}},
                                 folder.path(), c.source);
        const int pixels = 40;
        const Numbers in =
            random_numbers(random, static_cast<std::size_t>(pixels * c.channels), c.bits, false);
        Numbers expected;
        for (int p = 0; p < pixels; ++p) {
            for (const int source : order) {
                expected.push_back(in[static_cast<std::size_t>(p * c.channels + source)]);
            }
        }
        for (const Traffic& traffic : kAllTraffic) {
            const auto beats = static_cast<std::size_t>(pixels * folds);
            const auto record = pass_through(model, pack(in, c.pe, c.bits), beats, traffic, 5);
            EXPECT_EQ(unpack(record.sinks[0].words, c.pe, c.bits, false), expected) << traffic.name;
            if (traffic.name == kFullSpeed.name) {
                const auto& sent = record.sources[0].cycles;
                EXPECT_EQ(sent.back(), sent.front() + sent.size() - 1) << "no gap between pixels";
                EXPECT_EQ(record.sinks[0].cycles.back(),
                          record.sinks[0].cycles.front() + beats - 1);
                EXPECT_EQ(record.sinks[0].cycles.front(),
                          folds == 1 ? sent[0] + 1 : sent[static_cast<std::size_t>(folds) - 1] + 2);
            }
        }
    }
}

}  // namespace
}  // namespace qloom::rtl_test
