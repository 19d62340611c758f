#include "network/execute.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace qloom::network {
namespace {

using Integers = Tensor<std::int64_t>;

Integers random_integers(const Shape& shape, Range range, std::mt19937& rng) {
    std::uniform_int_distribution<std::int64_t> number(range.lo, range.hi);
    Integers result(shape);
    std::ranges::generate(result, [&] { return number(rng); });
    return result;
}

// One layer between one input and one output stream.
Network one_layer(LayerKind kind, Shape in_shape, Range in, Shape out_shape, Range out) {
    Network network;
    const StreamId x = network.add_stream({"x", std::move(in_shape), IntType::smallest(in), in});
    const StreamId y = network.add_stream({"y", std::move(out_shape), IntType::smallest(out), out});
    network.layers.push_back({"layer", std::move(kind), {x}, {y}});
    network.inputs = {x};
    network.outputs = {y};
    verify(network);
    return network;
}

Integers run_one(const Network& network, const Integers& x) {
    return integers_of(Executor(network).run({frames_from(x, network.stream(network.inputs[0]).range)})[0]);
}

// Sums near 2^24 and far beyond it, where float would lose the last bits.
TEST(NetworkExecutor, MatrixVectorIsExactBeyondFloat) {
    std::mt19937 rng(1);
    for (const std::int64_t largest : {7, 2000, 30000}) {
        const Integers x = random_integers({5, 3, 40}, {0, 65535}, rng);
        MatrixVector unit;
        unit.weights = Tensor<std::int32_t>({6, 40});
        for (auto& weight : unit.weights) {
            weight = static_cast<std::int32_t>(random_integers({1}, {-largest, largest}, rng)[0]);
        }
        unit.weight_type = IntType::smallest({-largest, largest});
        const std::int64_t bound = 65535 * largest * 40;
        const Integers y = run_one(one_layer(unit, {3, 40}, {0, 65535}, {3, 6}, {-bound, bound}), x);
        for (std::int64_t v = 0; v < 15; ++v) {
            for (std::int64_t m = 0; m < 6; ++m) {
                std::int64_t sum = 0;
                for (std::int64_t k = 0; k < 40; ++k) {
                    sum += unit.weights[m * 40 + k] * x[v * 40 + k];
                }
                ASSERT_EQ(y[v * 6 + m], sum);
            }
        }
    }
}

TEST(NetworkExecutor, XnorCountsEqualBits) {
    std::mt19937 rng(2);
    const Integers x = random_integers({9, 70}, {0, 1}, rng);
    MatrixVector unit;
    unit.arithmetic = MatrixVector::Arithmetic::kXnorPopcount;
    unit.weights = Tensor<std::int32_t>({4, 70});
    for (auto& weight : unit.weights) {
        weight = static_cast<std::int32_t>(rng() & 1U);
    }
    const Integers y = run_one(one_layer(unit, {70}, {0, 1}, {4}, {0, 70}), x);
    for (std::int64_t f = 0; f < 9; ++f) {
        for (std::int64_t m = 0; m < 4; ++m) {
            std::int64_t equal = 0;
            for (std::int64_t k = 0; k < 70; ++k) {
                equal += unit.weights[m * 70 + k] == x[f * 70 + k] ? 1 : 0;
            }
            ASSERT_EQ(y[f * 4 + m], equal);
        }
    }
}

// Windows of bits, padded with either bit, of channels that fill no word, one, or more; the products take the
// windows along. The slow loops know nothing of words.
TEST(NetworkExecutor, XnorOfWindowsCountsEqualBits) {
    std::mt19937 rng(12);
    struct Case {
        Shape image;
        std::vector<WindowAxis> axes;
        std::int64_t pad;
    };
    const std::vector<Case> cases{
        {{5, 6, 3}, {{.kernel = 3, .pad_begin = 1, .pad_end = 1}, {.kernel = 2, .stride = 2}}, 1},
        {{4, 5, 64}, {{.kernel = 2, .dilation = 2}, {.kernel = 3, .pad_begin = 2}}, 0},
        {{3, 3, 130}, {{.kernel = 3, .pad_end = 2}, {.kernel = 1}}, 1},
        {{9, 70}, {{.kernel = 4, .stride = 3, .pad_begin = 1, .pad_end = 1}}, 1}};
    for (const Case& c : cases) {
        const std::int64_t frames = 7;
        const std::int64_t channels = c.image.back();
        const bool flat = c.axes.size() == 1;
        const WindowAxis rows = flat ? WindowAxis{} : c.axes[0];
        const WindowAxis columns = c.axes.back();
        const std::int64_t height = flat ? 1 : c.image[0];
        const std::int64_t width = c.image[c.image.size() - 2];
        const SlidingWindow window{.axes = c.axes, .pad_value = c.pad};
        const std::int64_t k = window.positions() * channels;
        MatrixVector unit;
        unit.arithmetic = MatrixVector::Arithmetic::kXnorPopcount;
        unit.weights = Tensor<std::int32_t>({5, k});
        for (auto& weight : unit.weights) weight = static_cast<std::int32_t>(rng() & 1U);

        Shape windows;
        if (!flat) windows.push_back(rows.outputs(height));
        windows.push_back(columns.outputs(width));
        Shape result = windows;
        windows.push_back(k);
        result.push_back(5);
        Network network;
        const StreamId x = network.add_stream({"x", c.image, {1, false}, {0, 1}});
        const StreamId w = network.add_stream({"w", windows, {1, false}, {0, 1}});
        const StreamId y = network.add_stream({"y", result, IntType::smallest({0, k}), {0, k}});
        network.layers = {{"window", window, {x}, {w}}, {"xnor", unit, {w}, {y}}};
        network.inputs = {x};
        network.outputs = {y};
        verify(network);
        Shape shape = c.image;
        shape.insert(shape.begin(), frames);
        const Integers input = random_integers(shape, {0, 1}, rng);
        const Executor executor(network);
        const Integers packed = integers_of(executor.run({frames_from(input, {0, 1})})[0]);
        const Integers plain = integers_of(executor.trace({frames_from(input, {0, 1})})[index_of(y)]);

        std::vector<std::int64_t> expected;
        for (std::int64_t f = 0; f < frames; ++f) {
            for (std::int64_t oy = 0; oy < rows.outputs(height); ++oy) {
                for (std::int64_t ox = 0; ox < columns.outputs(width); ++ox) {
                    for (std::int64_t m = 0; m < 5; ++m) {
                        std::int64_t equal = 0;
                        std::int64_t at = 0;
                        for (std::int64_t ky = 0; ky < rows.kernel; ++ky) {
                            for (std::int64_t kx = 0; kx < columns.kernel; ++kx) {
                                const std::int64_t iy = oy * rows.stride - rows.pad_begin + ky * rows.dilation;
                                const std::int64_t ix = ox * columns.stride - columns.pad_begin + kx * columns.dilation;
                                const bool inside = iy >= 0 && iy < height && ix >= 0 && ix < width;
                                for (std::int64_t channel = 0; channel < channels; ++channel, ++at) {
                                    const std::int64_t bit =
                                        inside ? input[((f * height + iy) * width + ix) * channels + channel] : c.pad;
                                    equal += bit == unit.weights[m * k + at] ? 1 : 0;
                                }
                            }
                        }
                        expected.push_back(equal);
                    }
                }
            }
        }
        ASSERT_EQ(packed.values(), expected);
        ASSERT_EQ(plain.values(), expected);
    }
}

// Many frames, computed in blocks side by side, are the frames one by one.
TEST(NetworkExecutor, FramesAreIndependent) {
    std::mt19937 rng(13);
    MatrixVector unit;
    unit.weights = Tensor<std::int32_t>({3, 4});
    for (auto& weight : unit.weights) weight = static_cast<std::int32_t>(rng() % 7) - 3;
    const Network network = one_layer(unit, {6, 4}, {-8, 7}, {6, 3}, {-96, 96});
    const Executor executor(network);
    const Integers x = random_integers({600, 6, 4}, {-8, 7}, rng);
    const Integers all = integers_of(executor.run({frames_from(x, {-8, 7})})[0]);
    ASSERT_EQ(all.shape(), (Shape{600, 6, 3}));
    for (std::int64_t f = 0; f < 600; ++f) {
        for (std::int64_t vector = 0; vector < 6; ++vector) {
            for (std::int64_t m = 0; m < 3; ++m) {
                std::int64_t sum = 0;
                for (std::int64_t k = 0; k < 4; ++k) {
                    sum += unit.weights[m * 4 + k] * x[(f * 6 + vector) * 4 + k];
                }
                ASSERT_EQ(all[(f * 6 + vector) * 3 + m], sum);
            }
        }
    }
}

// Few steps (counted) and many (searched), rows alike and one a channel, rising and falling.
TEST(NetworkExecutor, ThresholdCountsStepsReached) {
    std::mt19937 rng(3);
    for (const std::int64_t steps : {1, 15, 40, 300}) {
        for (const std::int64_t rows : {1, 5}) {
            Threshold unit;
            unit.thresholds = random_integers({rows, steps}, {-500, 501}, rng);
            for (std::int64_t row = 0; row < rows; ++row) {
                std::sort(unit.thresholds.begin() + row * steps, unit.thresholds.begin() + (row + 1) * steps);
                unit.decreasing.push_back(row % 2 == 1);
            }
            unit.out_bias = -7;
            const Integers x = random_integers({4, 6, 5}, {-500, 500}, rng);
            const Integers y = run_one(one_layer(unit, {6, 5}, {-500, 500}, {6, 5}, {-7, steps - 7}), x);
            for (std::int64_t i = 0; i < x.size(); ++i) {
                const std::int64_t row = rows == 1 ? 0 : i % 5;
                std::int64_t level = -7;
                for (std::int64_t t = 0; t < steps; ++t) {
                    const bool reached = x[i] >= unit.thresholds[row * steps + t];
                    level += reached != (row % 2 == 1) ? 1 : 0;
                }
                ASSERT_EQ(y[i], level);
            }
        }
    }
}

TEST(NetworkExecutor, RequantizeFloorsThenClips) {
    // (3 x + 2) >> 2, clipped to -2..3: floor, not truncation, below zero.
    const Requantize unit{.mul = {3}, .add = {2}, .shift = 2, .lo = -2, .hi = 3};
    const Integers x({1, 7}, {-4, -2, -1, 0, 1, 3, 9});
    const Integers y = run_one(one_layer(unit, {7}, {-4, 9}, {7}, {-2, 3}), x);
    EXPECT_EQ(y.values(), (std::vector<std::int64_t>{-2, -1, -1, 0, 1, 2, 3}));
}

TEST(NetworkExecutor, LookupAffineArgmaxReshape) {
    const Integers x({1, 4}, {-1, 0, 1, -1});
    const Lookup lookup{.table = Integers({1, 3}, {5, -3, 5}), .input_lo = -1};
    EXPECT_EQ(run_one(one_layer(lookup, {4}, {-1, 1}, {4}, {-3, 5}), x).values(),
              (std::vector<std::int64_t>{5, -3, 5, 5}));
    const ChannelAffine affine{.mul = {1, 2, 3, 4}, .add = {0, 10, 20, 30}};
    EXPECT_EQ(run_one(one_layer(affine, {4}, {-1, 1}, {4}, {-1, 34}), x).values(),
              (std::vector<std::int64_t>{-1, 10, 23, 26}));
    const Integers ties({2, 4}, {1, 0, 1, -1, -1, -1, -1, -1});
    EXPECT_EQ(run_one(one_layer(Argmax{}, {4}, {-1, 1}, {1}, {0, 3}), ties).values(),
              (std::vector<std::int64_t>{0, 0}));
    EXPECT_EQ(run_one(one_layer(Reshape{}, {4}, {-1, 1}, {2, 2}, {-1, 1}), x).values(), x.values());
}

// x -> split -> (a, b); y = 2 a - b; z = concat(y, b); w = z * z
TEST(NetworkExecutor, BranchesJoin) {
    Network network;
    const Range small{-8, 7};
    const auto stream = [&](const std::string& name, std::int64_t channels, Range range) {
        return network.add_stream({name, {channels}, IntType::smallest(range), range});
    };
    const StreamId x = stream("x", 6, small);
    const StreamId a = stream("a", 3, small);
    const StreamId b = stream("b", 3, small);
    const StreamId y = stream("y", 3, {-23, 22});
    const StreamId z = stream("z", 6, {-23, 22});
    const StreamId w = stream("w", 6, {-506, 529});
    network.layers = {{"split", Split{}, {x}, {a, b}},
                      {"add", Add{.multipliers = {2, -1}}, {a, b}, {y}},
                      {"concat", Concat{}, {y, b}, {z}},
                      {"mul", Multiply{}, {z, z}, {w}}};
    network.inputs = {x};
    network.outputs = {w, y};
    verify(network);
    const Integers input({1, 6}, {1, 2, 3, 4, 5, 6});
    const std::vector<Frames> outputs = Executor(network).run({frames_from(input, small)});
    EXPECT_EQ(integers_of(outputs[1]).values(), (std::vector<std::int64_t>{-2, -1, 0}));
    EXPECT_EQ(integers_of(outputs[0]).values(), (std::vector<std::int64_t>{4, 1, 0, 16, 25, 36}));
}

}  // namespace
}  // namespace qloom::network
