#include <gtest/gtest.h>

#include "run_helpers.h"

namespace qloom::ir {
namespace {

Window window(Shape kernel, Shape strides, Shape pads = {}, bool ceil_mode = false) {
    Window result;
    result.kernel = std::move(kernel);
    result.strides = std::move(strides);
    result.pads = std::move(pads);
    result.ceil_mode = ceil_mode;
    return result;
}

TEST(RunMaxPool, PaddingNeverWins) {
    EXPECT_EQ(runf(MaxPool{window({3}, {2}, {1, 1})}, {Floats({1, 1, 5}, {-5, -4, -3, -2, -1})}),
              Floats({1, 1, 3}, {-4, -2, -1}));
}

TEST(RunMaxPool, CeilModeOverhangs) {
    EXPECT_EQ(runf(MaxPool{window({2}, {2}, {}, true)}, {Floats({1, 1, 5}, {1, 2, 3, 4, 5})}),
              Floats({1, 1, 3}, {2, 4, 5}));
}

TEST(RunMaxPool, ChannelsLastAndIntegers) {
    EXPECT_EQ(runf(MaxPool{window({2, 1}, {2, 1}), true}, {Floats({1, 2, 1, 2}, {1, 8, 3, 4})}),
              Floats({1, 1, 1, 2}, {3, 8}));
    EXPECT_EQ(runi(MaxPool{window({2}, {1})}, {Ints({1, 1, 3}, {1, -2, -3})}), Ints({1, 1, 2}, {1, -2}));
}

TEST(RunAveragePool, PaddingCountsOnlyWhenAsked) {
    const Value x = Floats({1, 1, 3}, {3, 6, 9});
    EXPECT_EQ(runf(AveragePool{window({3}, {1}, {1, 1}), false}, {x}), Floats({1, 1, 3}, {4.5F, 6, 7.5F}));
    EXPECT_EQ(runf(AveragePool{window({3}, {1}, {1, 1}), true}, {x}), Floats({1, 1, 3}, {3, 6, 5}));
}

TEST(RunAveragePool, CeilModeNeverCountsBeyondThePadding) {
    EXPECT_EQ(runf(AveragePool{window({2}, {2}, {}, true), true}, {Floats({1, 1, 3}, {2, 4, 6})}),
              Floats({1, 1, 2}, {3, 6}));
}

TEST(RunPool, Global) {
    const Value x = Floats({1, 2, 2, 2}, {1, 2, 3, 6, -1, -2, -3, -6});
    EXPECT_EQ(runf(GlobalAveragePool{}, {x}), Floats({1, 2, 1, 1}, {3, -3}));
    EXPECT_EQ(runf(GlobalMaxPool{}, {x}), Floats({1, 2, 1, 1}, {6, -1}));
}

TEST(RunQuantAvgPool, SumsAndShifts) {
    // 2x2 windows of 4-bit inputs: sums need 6 bits, 4 are kept: shift by 2, rounding down
    const QuantAvgPool2d op{.stride = 2, .kernel = 2, .input_bits = 4, .output_bits = 4};
    EXPECT_EQ(runf(op, {Floats({1, 1, 2, 2}, {1, 2, 3, 5})}), Floats({1, 1, 1, 1}, {2}));
    EXPECT_EQ(runf(op, {Floats({1, 1, 2, 2}, {-1, -2, -3, -5})}), Floats({1, 1, 1, 1}, {-3}));
    QuantAvgPool2d last = op;
    last.channels_last = true;
    EXPECT_EQ(runf(last, {Floats({1, 2, 2, 1}, {1, 2, 3, 5})}), Floats({1, 1, 1, 1}, {2}));
    EXPECT_EQ(refusal(QuantAvgPool2d{.input_bits = 0}, {Floats({1, 1, 2, 2})}),
              "Q0204: node n (QuantAvgPool2d): its bit widths are 0 and 8; a bit width must be a whole number from 1 to "
              "32");
}

TEST(RunPool, Refusals) {
    EXPECT_EQ(refusal(MaxPool{}, {Floats({1, 1, 3})}),
              "Q0206: node n (MaxPool): it has no kernel_shape; export the pool with its kernel size");
    EXPECT_EQ(refusal(MaxPool{window({2}, {1}, {2, 0})}, {Floats({1, 1, 3})}),
              "Q0205: node n (MaxPool): padding 2 and 0 is not smaller than the kernel's reach of 2: some windows would "
              "see padding alone; use less padding");
    EXPECT_EQ(refusal(GlobalAveragePool{}, {Floats({1, 2})}),
              "Q0201: node n (GlobalAveragePool): input 0 has shape [1, 2]; the operator takes 3 to 8 axes");
}

}  // namespace
}  // namespace qloom::ir
