// Bench of the matrix-vector unit against the obvious double loop.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "rtl_bench.h"

namespace qloom::rtl_test {
namespace {

enum class Kind { kInteger, kBipolarWeight, kXnor };

struct Case {
    Kind kind = Kind::kInteger;
    int matrix_width = 8;   // inputs
    int matrix_height = 4;  // outputs
    int pe = 1;
    int simd = 1;
    int input_bits = 4;
    bool input_signed = false;
    int weight_bits = 4;
    std::string ram_style = "auto";
    std::string buffer_style = "auto";
    int dsp_pe = 0;
};

std::string text(const Case& c) {
    return fmt::format("{} {}x{} pe {} simd {} input {}{} weight {}",
                       c.kind == Kind::kXnor            ? "xnor"
                       : c.kind == Kind::kBipolarWeight ? "bipolar"
                                                        : "integer",
                       c.matrix_height, c.matrix_width, c.pe, c.simd, c.input_signed ? 's' : 'u',
                       c.input_bits, c.weight_bits);
}

// What the unit means: y = W x, one row after the other. Bits of a bipolar weight stand for -1 and
// +1; an XNOR unit counts the inputs that equal their weight.
class MatrixModel {
public:
    MatrixModel(const Case& c, std::mt19937& random) : case_(c) {
        const bool is_signed = c.kind == Kind::kInteger;
        weights_ =
            random_numbers(random, static_cast<std::size_t>(c.matrix_width * c.matrix_height),
                           c.weight_bits, is_signed);
    }

    [[nodiscard]] std::int64_t weight(int row, int column) const {
        return weights_[static_cast<std::size_t>(row * case_.matrix_width + column)];
    }

    [[nodiscard]] Numbers multiply(const Numbers& x) const {
        Numbers y;
        for (int row = 0; row < case_.matrix_height; ++row) {
            std::int64_t sum = 0;
            for (int column = 0; column < case_.matrix_width; ++column) {
                const std::int64_t w = weight(row, column);
                const std::int64_t value = x[static_cast<std::size_t>(column)];
                switch (case_.kind) {
                    case Kind::kInteger:
                        sum += w * value;
                        break;
                    case Kind::kBipolarWeight:
                        sum += w == 1 ? value : -value;
                        break;
                    case Kind::kXnor:
                        sum += w == value ? 1 : 0;
                        break;
                }
            }
            y.push_back(sum);
        }
        return y;
    }

    // The narrowest accumulator that holds every result for these weights.
    [[nodiscard]] int accumulator_bits() const {
        if (case_.kind == Kind::kXnor) {
            return clog2(case_.matrix_width + 1);
        }
        const std::int64_t low =
            case_.input_signed ? -(std::int64_t{1} << (case_.input_bits - 1)) : 0;
        const std::int64_t high = low + (std::int64_t{1} << case_.input_bits) - 1;
        int bits = 1;
        for (int row = 0; row < case_.matrix_height; ++row) {
            std::int64_t least = 0;
            std::int64_t most = 0;
            for (int column = 0; column < case_.matrix_width; ++column) {
                const std::int64_t raw = weight(row, column);
                const std::int64_t w = case_.kind == Kind::kInteger ? raw : 2 * raw - 1;
                least += std::min(w * low, w * high);
                most += std::max(w * low, w * high);
            }
            while (least < -(std::int64_t{1} << (bits - 1)) || most >= std::int64_t{1}
                                                                           << (bits - 1)) {
                ++bits;
            }
        }
        return bits;
    }

    // One memory word a fold and step: PE after PE, column after column.
    [[nodiscard]] std::vector<Numbers> memory() const {
        std::vector<Numbers> words;
        for (int fold = 0; fold < case_.matrix_height / case_.pe; ++fold) {
            for (int step = 0; step < case_.matrix_width / case_.simd; ++step) {
                Numbers word;
                for (int pe = 0; pe < case_.pe; ++pe) {
                    for (int j = 0; j < case_.simd; ++j) {
                        word.push_back(weight(fold * case_.pe + pe, step * case_.simd + j));
                    }
                }
                words.push_back(word);
            }
        }
        return words;
    }

private:
    Case case_;
    Numbers weights_;
};

void check(const Case& c, int vectors, Text source = Text::kSource) {
    SCOPED_TRACE(text(c));
    std::mt19937 random(
        static_cast<unsigned>(c.matrix_width * 131 + c.matrix_height * 17 + c.simd));
    const MatrixModel oracle(c, random);
    const int acc_bits = oracle.accumulator_bits();
    const MemoryFolder memories;
    memories.write("weights", oracle.memory(), c.weight_bits);
    auto model = make_module("ql_matrix_vector",
                             {{"MatrixW", std::to_string(c.matrix_width)},
                              {"MatrixH", std::to_string(c.matrix_height)},
                              {"Pe", std::to_string(c.pe)},
                              {"Simd", std::to_string(c.simd)},
                              {"InputW", std::to_string(c.input_bits)},
                              {"InputSigned", c.input_signed ? "1" : "0"},
                              {"WeightW", std::to_string(c.weight_bits)},
                              {"WeightBipolar", c.kind == Kind::kBipolarWeight ? "1" : "0"},
                              {"Xnor", c.kind == Kind::kXnor ? "1" : "0"},
                              {"AccW", std::to_string(acc_bits)},
                              {"WeightFile", quoted("weights")},
                              {"RamStyle", quoted(c.ram_style)},
                              {"BufferStyle", quoted(c.buffer_style)},
                              {"DspPe", std::to_string(c.dsp_pe)}},
                             memories.path(), source);

    Numbers inputs;
    Numbers expected;
    for (int v = 0; v < vectors; ++v) {
        Numbers x = random_numbers(random, static_cast<std::size_t>(c.matrix_width), c.input_bits,
                                   c.input_signed);
        if (v < 2) {  // the extremes, which the accumulator has to bear
            std::ranges::fill(
                x, v == 0 ? (std::int64_t{1} << (c.input_bits - (c.input_signed ? 1 : 0))) - 1
                          : (c.input_signed ? -(std::int64_t{1} << (c.input_bits - 1)) : 0));
        }
        inputs.insert(inputs.end(), x.begin(), x.end());
        const Numbers y = oracle.multiply(x);
        expected.insert(expected.end(), y.begin(), y.end());
    }
    const auto simd_folds = static_cast<std::size_t>(c.matrix_width / c.simd);
    const auto neuron_folds = static_cast<std::size_t>(c.matrix_height / c.pe);
    const std::vector<std::uint32_t> in = pack(inputs, c.simd, c.input_bits);
    for (const Traffic& traffic : kAllTraffic) {
        const auto record =
            pass_through(model, in, neuron_folds * static_cast<std::size_t>(vectors), traffic, 17);
        ASSERT_EQ(unpack(record.sinks[0].words, c.pe, acc_bits, c.kind != Kind::kXnor), expected)
            << traffic.name;
        if (traffic.name != kFullSpeed.name) {
            continue;
        }
        const auto& in_cycles = record.sources[0].cycles;
        const auto& out_cycles = record.sinks[0].cycles;
        const std::int64_t chains = ceil_div(c.simd, 4);
        const auto dot = static_cast<std::uint64_t>(
            c.dsp_pe > 0 ? std::min(c.simd, 4) + 3 + ceil_div(clog2(chains), 3)
                         : dot_latency(c.simd, c.input_bits, c.input_signed, c.weight_bits,
                                       c.kind == Kind::kXnor));
        const std::uint64_t latency = dot + (neuron_folds == 1 ? 2 : 3);
        EXPECT_EQ(out_cycles[0], in_cycles[simd_folds - 1] + latency);
        // A fold each SF clocks and vector after vector without a gap.
        for (std::size_t i = 1; i < out_cycles.size(); ++i) {
            ASSERT_EQ(out_cycles[i], out_cycles[i - 1] + simd_folds) << "output beat " << i;
        }
    }
}

TEST(MatrixVector, IntegersOfAllFoldings) {
    check({.matrix_width = 12, .matrix_height = 6, .pe = 1, .simd = 1}, 12);
    check({.matrix_width = 12, .matrix_height = 6, .pe = 6, .simd = 12}, 12);
    check({.matrix_width = 12, .matrix_height = 6, .pe = 6, .simd = 3}, 12);
    check({.matrix_width = 12, .matrix_height = 6, .pe = 2, .simd = 12}, 12);
    check({.matrix_width = 12, .matrix_height = 6, .pe = 3, .simd = 4, .input_signed = true}, 12);
    check({.matrix_width = 35,
           .matrix_height = 10,
           .pe = 5,
           .simd = 7,
           .input_bits = 8,
           .ram_style = "block",
           .buffer_style = "block"},
          8);
    check({.matrix_width = 1, .matrix_height = 1, .pe = 1, .simd = 1}, 12);
    check({.matrix_width = 1, .matrix_height = 6, .pe = 2, .simd = 1, .input_signed = true}, 12);
    check(
        {.matrix_width = 6, .matrix_height = 1, .pe = 1, .simd = 2, .buffer_style = "distributed"},
        12);
}

TEST(MatrixVector, IntegersOfAllWidths) {
    check({.matrix_width = 10,
           .matrix_height = 4,
           .pe = 2,
           .simd = 5,
           .input_bits = 1,
           .weight_bits = 2},
          10);
    check({.matrix_width = 10,
           .matrix_height = 4,
           .pe = 2,
           .simd = 5,
           .input_bits = 1,
           .input_signed = true,
           .weight_bits = 3},
          10);
    check({.matrix_width = 10,
           .matrix_height = 4,
           .pe = 2,
           .simd = 5,
           .input_bits = 16,
           .weight_bits = 16,
           .ram_style = "distributed",
           .buffer_style = "distributed"},
          10);
    check({.matrix_width = 10,
           .matrix_height = 4,
           .pe = 2,
           .simd = 5,
           .input_bits = 16,
           .input_signed = true,
           .weight_bits = 16},
          10);
    check({.matrix_width = 18,
           .matrix_height = 4,
           .pe = 1,
           .simd = 9,
           .input_bits = 3,
           .weight_bits = 2},
          10);
    check({.matrix_width = 64,
           .matrix_height = 4,
           .pe = 4,
           .simd = 32,
           .input_bits = 2,
           .weight_bits = 2},
          10);
}

TEST(MatrixVector, BipolarWeights) {
    check({.kind = Kind::kBipolarWeight,
           .matrix_width = 12,
           .matrix_height = 6,
           .pe = 2,
           .simd = 4,
           .input_bits = 1,
           .weight_bits = 1},
          10);
    check({.kind = Kind::kBipolarWeight,
           .matrix_width = 12,
           .matrix_height = 6,
           .pe = 3,
           .simd = 6,
           .input_bits = 8,
           .weight_bits = 1},
          10);
    check({.kind = Kind::kBipolarWeight,
           .matrix_width = 12,
           .matrix_height = 6,
           .pe = 6,
           .simd = 6,
           .input_bits = 5,
           .input_signed = true,
           .weight_bits = 1},
          10);
}

TEST(MatrixVector, XnorOfAllSizes) {
    for (const int simd : {1, 12, 13, 90}) {
        check({.kind = Kind::kXnor,
               .matrix_width = 2 * simd,
               .matrix_height = 4,
               .pe = 2,
               .simd = simd,
               .input_bits = 1,
               .weight_bits = 1},
              10);
    }
    // As synthesis reads it: one step of compressors, several, idle clocks at the end.
    for (const int simd : {2, 17, 50, 196}) {
        check({.kind = Kind::kXnor,
               .matrix_width = 2 * simd,
               .matrix_height = 2,
               .pe = 1,
               .simd = simd,
               .input_bits = 1,
               .weight_bits = 1},
              10, Text::kStructural);
    }
    check({.kind = Kind::kXnor,
           .matrix_width = 64,
           .matrix_height = 8,
           .pe = 8,
           .simd = 64,
           .input_bits = 1,
           .weight_bits = 1},
          10);
}

// The buffer takes the next vector while this one is replayed: a source that gives a beat every NF
// clocks only is enough for the full rate.
TEST(MatrixVector, EvenlyPacedInputKeepsTheRate) {
    const Case c{.matrix_width = 12, .matrix_height = 6, .pe = 2, .simd = 2};
    std::mt19937 random(3);
    const MatrixModel oracle(c, random);
    const MemoryFolder memories;
    memories.write("weights", oracle.memory(), c.weight_bits);
    auto model = make_module("ql_matrix_vector",
                             {{"MatrixW", "12"},
                              {"MatrixH", "6"},
                              {"Pe", "2"},
                              {"Simd", "2"},
                              {"WeightFile", quoted("weights")}},
                             memories.path());
    sim::StreamHarness harness(model);
    model.set("m_axis_tready", 1);
    const int folds = 3;
    const int vectors = 20;
    int beats_out = 0;
    std::vector<int> cycles_out;
    bool offered = false;
    int due = 0;  // beats the source may have offered by now
    int sent = 0;
    for (int cycle = 0; cycle < 18 * (vectors + 4) && beats_out < folds * vectors; ++cycle) {
        due += cycle % folds == 0 ? 1 : 0;
        offered = offered || sent < due;
        model.set("s_axis_tvalid", offered ? 1 : 0);
        model.set("clk", 0);
        model.eval();
        if (offered && model.get("s_axis_tready") != 0) {
            offered = false;
            ++sent;
        }
        if (model.get("m_axis_tvalid") != 0) {
            cycles_out.push_back(cycle);
            ++beats_out;
        }
        model.set("clk", 1);
        model.eval();
    }
    ASSERT_EQ(beats_out, folds * vectors);
    // 18 clocks a vector once the first ones have gone through.
    EXPECT_EQ(cycles_out[folds * 19] - cycles_out[folds * 4], 15 * 18);
}

// Synthesis reads another text for the products: digits and carry chains.
TEST(MatrixVector, StructuralProducts) {
    for (const int weight_bits : {2, 3, 4, 5, 8, 16}) {
        for (const bool input_signed : {false, true}) {
            check({.matrix_width = 10,
                   .matrix_height = 2,
                   .pe = 2,
                   .simd = 5,
                   .input_bits = 1 + weight_bits % 7,
                   .input_signed = input_signed,
                   .weight_bits = weight_bits},
                  20, Text::kStructural);
        }
    }
    check({.matrix_width = 8, .matrix_height = 2, .pe = 1, .simd = 2, .input_bits = 8}, 20,
          Text::kStructural);
    // Chains of several bits of the weights, a leaf, several leaves and an odd one out.
    for (const int simd : {3, 8, 16, 27}) {
        const bool input_signed = simd == 3 || simd == 27;
        check({.matrix_width = 2 * simd,
               .matrix_height = 2,
               .pe = 1,
               .simd = simd,
               .input_bits = input_signed ? 2 : 8,
               .input_signed = input_signed},
              12, Text::kStructural);
    }
    for (const int simd : {7, 20}) {
        check({.kind = Kind::kBipolarWeight,
               .matrix_width = 2 * simd,
               .matrix_height = 4,
               .pe = 2,
               .simd = simd,
               .input_bits = 3,
               .input_signed = simd == 20,
               .weight_bits = 1},
              12, Text::kStructural);
    }
    check({.matrix_width = 3, .matrix_height = 2, .pe = 1, .simd = 1, .input_bits = 2}, 20,
          Text::kStructural);
    check({.matrix_width = 9, .matrix_height = 2, .pe = 1, .simd = 9, .input_bits = 1}, 20,
          Text::kStructural);
    check({.matrix_width = 9,
           .matrix_height = 2,
           .pe = 1,
           .simd = 3,
           .input_bits = 1,
           .weight_bits = 7},
          20, Text::kStructural);
}

// Some or all PEs in DSP blocks: what simulators read, and the blocks themselves as Yosys' own
// model of them has it.
TEST(MatrixVector, ProductsInDspBlocks) {
    for (const Text source : {Text::kSource, Text::kStructural}) {
        check({.matrix_width = 16,
               .matrix_height = 8,
               .pe = 4,
               .simd = 8,
               .input_bits = 8,
               .dsp_pe = 2},
              20, source);
        check({.matrix_width = 14,
               .matrix_height = 4,
               .pe = 2,
               .simd = 7,
               .input_bits = 5,
               .input_signed = true,
               .weight_bits = 3,
               .dsp_pe = 2},
              20, source);
        check({.matrix_width = 3, .matrix_height = 6, .pe = 3, .simd = 3, .dsp_pe = 2}, 20, source);
    }
}

// Yosys has to understand the same text in the same way.
TEST(MatrixVector, NetlistComputesTheSame) {
    check({.matrix_width = 12, .matrix_height = 6, .pe = 3, .simd = 4}, 8, Text::kNetlist);
    check({.matrix_width = 6,
           .matrix_height = 3,
           .pe = 3,
           .simd = 6,
           .input_bits = 3,
           .input_signed = true,
           .weight_bits = 2},
          8, Text::kNetlist);
    check({.kind = Kind::kBipolarWeight,
           .matrix_width = 8,
           .matrix_height = 4,
           .pe = 2,
           .simd = 8,
           .input_bits = 3,
           .weight_bits = 1},
          8, Text::kNetlist);
    check({.kind = Kind::kXnor,
           .matrix_width = 60,
           .matrix_height = 4,
           .pe = 4,
           .simd = 30,
           .input_bits = 1,
           .weight_bits = 1},
          8, Text::kNetlist);
}

TEST(MatrixVectorSweep, DISABLED_RandomShapes) {
    std::mt19937 random(2024);
    const auto pick = [&random](int low, int high) {
        return low + static_cast<int>(random() % static_cast<unsigned>(high - low + 1));
    };
    for (int i = 0; i < 150; ++i) {
        Case c;
        c.kind = static_cast<Kind>(pick(0, 2));
        c.pe = pick(1, 5);
        c.simd = pick(1, 24);
        c.matrix_width = c.simd * pick(1, 6);
        c.matrix_height = c.pe * pick(1, 5);
        c.input_bits = c.kind == Kind::kXnor ? 1 : pick(1, 16);
        c.input_signed = c.kind != Kind::kXnor && pick(0, 1) == 1;
        c.weight_bits = c.kind == Kind::kInteger ? pick(2, 16) : 1;
        check(c, 8, pick(0, 1) == 1 ? Text::kStructural : Text::kSource);
    }
}

}  // namespace
}  // namespace qloom::rtl_test
