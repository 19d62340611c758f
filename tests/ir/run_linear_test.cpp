// Products and convolutions against loops that follow the definition index by index.
#include <gtest/gtest.h>

#include "ir/window.h"
#include "run_helpers.h"

namespace qloom::ir {
namespace {

TEST(RunMatMul, TwoAxes) {
    EXPECT_EQ(runf(MatMul{}, {Floats({2, 3}, {1, 2, 3, 4, 5, 6}), Floats({3, 2}, {1, 0, 0, 1, 1, 1})}),
              Floats({2, 2}, {4, 5, 10, 11}));
}

TEST(RunMatMul, VectorsAndBatches) {
    EXPECT_EQ(runf(MatMul{}, {vec({1, 2}), vec({3, 4})}), num(11));
    EXPECT_EQ(runf(MatMul{}, {vec({1, 2}), Floats({2, 1}, {3, 4})}), vec({11}));
    EXPECT_EQ(runf(MatMul{}, {Floats({2, 1, 2}, {1, 2, 3, 4}), Floats({2, 2, 1}, {1, 1, 2, 2})}),
              Floats({2, 1, 1}, {3, 14}));
    EXPECT_EQ(runf(MatMul{}, {Floats({2, 1, 2}, {1, 2, 3, 4}), Floats({2, 1}, {1, 1})}), Floats({2, 1, 1}, {3, 7}));
    EXPECT_EQ(runf(MatMul{}, {Floats({1, 2}, {1, 2}), Floats({2, 2, 1}, {1, 1, 2, 2})}), Floats({2, 1, 1}, {3, 6}));
}

TEST(RunMatMul, RoundsOnceAtTheEnd) {
    // In float32 the ones vanish beside 2^25; in double they count.
    const float big = 33554432.0F;
    EXPECT_EQ(runf(MatMul{}, {Floats({1, 4}, {big, 1, 1, -big}), Floats({4, 1}, {1, 1, 1, 1})})[0], 2.0F);
}

TEST(RunMatMul, Refusals) {
    EXPECT_EQ(refusal(MatMul{}, {Floats({1, 3}), Floats({2, 2})}),
              "Q0201: node n (MatMul): its operands have shapes [1, 3] and [2, 2], which do not multiply; the last axis "
              "of the first must equal the last but one of the second");
    EXPECT_EQ(refusal(MatMul{}, {num(1), vec({1})}),
              "Q0201: node n (MatMul): an operand is a single number; use Mul to multiply by a number");
}

TEST(RunGemm, TransposesScalesAndAdds) {
    const Value a = Floats({2, 1}, {1, 2});
    const Value b = Floats({3, 2}, {1, 2, 3, 4, 5, 6});
    EXPECT_EQ(runf(Gemm{.trans_a = true, .trans_b = true}, {a, b}), Floats({1, 3}, {5, 11, 17}));
    EXPECT_EQ(runf(Gemm{.alpha = 2, .beta = 0.5F, .trans_a = true, .trans_b = true}, {a, b, vec({2, 4, 6})}),
              Floats({1, 3}, {11, 24, 37}));
    EXPECT_EQ(refusal(Gemm{}, {a, b}), "Q0201: node n (Gemm): its operands have shapes [2, 1] and [3, 2], which do not "
                                       "multiply; make the two shapes agree");
}

TEST(RunXnorPopcount, CountsEqualBits) {
    EXPECT_EQ(runf(XnorPopcountMatMul{}, {Floats({1, 4}, {1, 0, 1, 0}), Floats({4, 2}, {1, 0, 0, 0, 1, 0, 1, 0})}),
              Floats({1, 2}, {3, 2}));
}

// y[n][m][oy][ox] by the definition.
Floats slow_conv(const Floats& x, const Floats& w, const std::vector<WindowAxis>& axes, std::int64_t group) {
    const WindowAxis& v = axes[0];
    const WindowAxis& h = axes[1];
    Floats y({x.dim(0), w.dim(0), v.output, h.output});
    const std::int64_t per_group = w.dim(0) / group;
    std::int64_t at = 0;
    for (std::int64_t n = 0; n < x.dim(0); ++n) {
        for (std::int64_t m = 0; m < w.dim(0); ++m) {
            for (std::int64_t oy = 0; oy < v.output; ++oy) {
                for (std::int64_t ox = 0; ox < h.output; ++ox) {
                    float sum = 0;
                    for (std::int64_t c = 0; c < w.dim(1); ++c) {
                        for (std::int64_t ky = 0; ky < v.kernel; ++ky) {
                            for (std::int64_t kx = 0; kx < h.kernel; ++kx) {
                                const std::int64_t iy = oy * v.stride - v.pad_begin + ky * v.dilation;
                                const std::int64_t ix = ox * h.stride - h.pad_begin + kx * h.dilation;
                                if (iy < 0 || iy >= v.input || ix < 0 || ix >= h.input) {
                                    continue;
                                }
                                const std::int64_t channel = m / per_group * w.dim(1) + c;
                                sum += x[((n * x.dim(1) + channel) * v.input + iy) * h.input + ix] *
                                       w[((m * w.dim(1) + c) * v.kernel + ky) * h.kernel + kx];
                            }
                        }
                    }
                    y[at++] = sum;
                }
            }
        }
    }
    return y;
}

TEST(RunConv, EqualsTheDefinition) {
    std::mt19937 random(5);
    auto pick = [&random](std::int64_t least, std::int64_t most) {
        return least + static_cast<std::int64_t>(random() % static_cast<std::uint32_t>(most - least + 1));
    };
    for (int round = 0; round < 150; ++round) {
        const std::int64_t group = pick(1, 3);
        const std::int64_t inputs = group * pick(1, 3);
        const std::int64_t outputs = group * pick(1, 3);
        Window window;
        window.strides = {pick(1, 3), pick(1, 3)};
        window.dilations = {pick(1, 2), pick(1, 2)};
        window.pads = {pick(0, 2), pick(0, 2), pick(0, 2), pick(0, 2)};
        const Shape kernel{pick(1, 3), pick(1, 3)};
        const Shape image{pick(5, 8), pick(5, 8)};
        const Floats x = random_floats({2, inputs, image[0], image[1]}, random);
        const Floats w = random_floats({outputs, inputs / group, kernel[0], kernel[1]}, random);
        const Conv op{.window = window, .group = group};
        const auto axes = resolve_window("n", window, image, kernel);
        ASSERT_EQ(runf(op, {x, w}), slow_conv(x, w, axes, group)) << round;
        // Channels last: the same numbers in another order.
        Conv last = op;
        last.channels_last = true;
        const Value turned = run(Transpose{{0, 2, 3, 1}}, {x});
        ASSERT_EQ(run(Transpose{{0, 3, 1, 2}}, {run(last, {turned, w})}), Value(runf(op, {x, w})));
    }
}

TEST(RunConv, OneAndThreeDimensionsAndBias) {
    EXPECT_EQ(runf(Conv{}, {Floats({1, 1, 4}, {1, 2, 3, 4}), Floats({1, 1, 2}, {1, 10}), vec({100})}),
              Floats({1, 1, 3}, {121, 132, 143}));
    EXPECT_EQ(runf(Conv{}, {Floats({1, 1, 2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}), Floats({1, 1, 2, 2, 2}, 1)}),
              Floats({1, 1, 1, 1, 1}, {36}));
}

TEST(RunConv, SamePaddingAsDefined) {
    const Value x = Floats({1, 1, 5}, {1, 2, 3, 4, 5});
    const Value w = Floats({1, 1, 2}, {1, 10});
    Conv op;
    op.window.auto_pad = AutoPad::kSameUpper;
    EXPECT_EQ(runf(op, {x, w}), Floats({1, 1, 5}, {21, 32, 43, 54, 5}));
    op.window.auto_pad = AutoPad::kSameLower;
    EXPECT_EQ(runf(op, {x, w}), Floats({1, 1, 5}, {10, 21, 32, 43, 54}));
}

TEST(RunConv, Refusals) {
    const Value x = Floats({1, 4, 3, 3});
    EXPECT_EQ(refusal(Conv{.group = 3}, {x, Floats({4, 2, 1, 1})}),
              "Q0206: node n (Conv): group 3 does not divide 4 input and 4 output channels; choose a common divisor of "
              "both");
    EXPECT_EQ(refusal(Conv{}, {x, Floats({4, 3, 1, 1})}),
              "Q0201: node n (Conv): its weights [4, 3, 1, 1] take 3 channels a group, the data [1, 4, 3, 3] has 4; "
              "make the two shapes agree");
    EXPECT_EQ(refusal(Conv{}, {x, Floats({4, 4, 5, 5})}),
              "Q0205: node n (Conv): the kernel reaches over 5 values, the padded input has 3 (axis 2); use a smaller "
              "kernel or dilation, more padding or a larger input");
    Conv zero;
    zero.window.strides = {0, 1};
    EXPECT_EQ(refusal(zero, {x, Floats({4, 4, 1, 1})}),
              "Q0205: node n (Conv): strides is 0, which makes no sense; strides must be at least 1");
    Conv pads;
    pads.window.pads = {1, 1};
    EXPECT_EQ(refusal(pads, {x, Floats({4, 4, 1, 1})}),
              "Q0205: node n (Conv): pads has 2 values, the input has 2 spatial axes; export one value an axis");
    EXPECT_EQ(refusal(Conv{}, {x, Floats({4, 4, 1, 1}), vec({1})}),
              "Q0201: node n (Conv): its bias has shape [1], it has 4 output channels; give one bias an output channel");
}

TEST(RunConvTranspose, IsTheAdjointOfConv) {
    // <conv(x), y> == <x, conv_transpose(y)> for all x and y, with the same weights.
    std::mt19937 random(11);
    for (int round = 0; round < 60; ++round) {
        const std::int64_t group = 1 + static_cast<std::int64_t>(random() % 2);
        Window window;
        window.strides = {1 + static_cast<std::int64_t>(random() % 2), 1 + static_cast<std::int64_t>(random() % 2)};
        window.dilations = {1 + static_cast<std::int64_t>(random() % 2), 1};
        window.pads = {static_cast<std::int64_t>(random() % 2), static_cast<std::int64_t>(random() % 2),
                       static_cast<std::int64_t>(random() % 2), static_cast<std::int64_t>(random() % 2)};
        const Shape kernel{2, 3};
        const Shape image{6, 7};
        const Floats w = random_floats({2 * group, 3, 2, 3}, random);  // conv: 3G -> 2G; transposed: 2G -> 3G
        const Floats x = random_floats({1, 3 * group, 6, 7}, random);
        const Floats forward = runf(Conv{.window = window, .group = group}, {x, w});
        const Floats y = random_floats(forward.shape(), random);
        ConvTranspose back{.window = window, .group = group};
        const auto axes = resolve_window("n", window, image, kernel);
        for (const WindowAxis& axis : axes) {  // what the stride leaves over comes back as output padding
            back.output_padding.push_back(axis.input + axis.pad_begin + axis.pad_end - axis.reach() -
                                          (axis.output - 1) * axis.stride);
        }
        const Floats backward = runf(back, {y, w});
        ASSERT_EQ(backward.shape(), x.shape());
        double left = 0;
        double right = 0;
        for (std::int64_t i = 0; i < y.size(); ++i) {
            left += static_cast<double>(forward[i]) * static_cast<double>(y[i]);
        }
        for (std::int64_t i = 0; i < x.size(); ++i) {
            right += static_cast<double>(backward[i]) * static_cast<double>(x[i]);
        }
        ASSERT_EQ(left, right) << round;
    }
}

TEST(RunConvTranspose, KnownValues) {
    ConvTranspose op;
    op.window.strides = {2};
    EXPECT_EQ(runf(op, {Floats({1, 1, 2}, {1, 2}), Floats({1, 1, 2}, {3, 5})}), Floats({1, 1, 4}, {3, 5, 6, 10}));
    op.output_shape = {3};
    EXPECT_EQ(runf(op, {Floats({1, 1, 2}, {1, 2}), Floats({1, 1, 2}, {3, 5})}).shape(), (Shape{1, 1, 3}));
}

TEST(RunIm2Col, WindowsBecomeRowsWithChannelsFastest) {
    Im2Col op;
    op.window.kernel = {1, 2};
    op.window.pads = {0, 0, 0, 1};
    op.pad_value = -1;
    // x (1, 1, 2, 2): pixels (1, 2) and (3, 4)
    EXPECT_EQ(runf(op, {Floats({1, 1, 2, 2}, {1, 2, 3, 4})}), Floats({1, 1, 2, 4}, {1, 2, 3, 4, 3, 4, -1, -1}));
}

TEST(RunIm2Col, TimesWeightsIsConv) {
    std::mt19937 random(2);
    const Floats x = random_floats({2, 6, 5, 3}, random);  // NHWC
    const Floats w = random_floats({4, 3, 3, 2}, random);  // (M, C, KH, KW)
    Im2Col op;
    op.window.kernel = {3, 2};
    op.window.strides = {2, 1};
    op.window.pads = {1, 0, 0, 1};
    const Value rows = run(op, {x});
    // (M, C, KH, KW) -> (KH, KW, C, M)
    const Value matrix = run(Reshape{}, {run(Transpose{{2, 3, 1, 0}}, {w}), ints({18, 4})});
    Conv conv{.window = op.window, .channels_last = true};
    EXPECT_EQ(run(MatMul{}, {rows, matrix}), run(conv, {x, w}));
}

TEST(Window, ResolvesWhatIsLeftOpen) {
    Window window;
    window.strides = {2};
    EXPECT_EQ(resolve_window("n", window, {7}, {3}),
              (std::vector<WindowAxis>{{.input = 7, .output = 3, .kernel = 3, .stride = 2}}));
    window.ceil_mode = true;
    EXPECT_EQ(resolve_window("n", window, {8}, {3})[0].output, 4);
    // A window that would start in the right padding does not count.
    window.strides = {3};
    window.pads = {1, 1};
    EXPECT_EQ(resolve_window("n", window, {4}, {2})[0].output, 2);
}

}  // namespace
}  // namespace qloom::ir
