#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "run_helpers.h"

namespace qloom::ir {
namespace {

float unary(UnaryKind kind, float x) { return runf(Unary{kind}, {vec({x})})[0]; }

TEST(RunUnary, KnownValues) {
    EXPECT_EQ(unary(UnaryKind::kIdentity, -1.5F), -1.5F);
    EXPECT_EQ(unary(UnaryKind::kRelu, -1.5F), 0.0F);
    EXPECT_EQ(unary(UnaryKind::kRelu, 1.5F), 1.5F);
    EXPECT_FLOAT_EQ(unary(UnaryKind::kSigmoid, 0.0F), 0.5F);
    EXPECT_FLOAT_EQ(unary(UnaryKind::kSigmoid, 1.0F), 0.73105858F);
    EXPECT_EQ(unary(UnaryKind::kSigmoid, -1000.0F), 0.0F);
    EXPECT_FLOAT_EQ(unary(UnaryKind::kTanh, 0.5F), 0.46211716F);
    EXPECT_EQ(unary(UnaryKind::kAbs, -2.0F), 2.0F);
    EXPECT_EQ(unary(UnaryKind::kNeg, 2.0F), -2.0F);
    EXPECT_EQ(unary(UnaryKind::kSqrt, 9.0F), 3.0F);
    EXPECT_FLOAT_EQ(unary(UnaryKind::kExp, 1.0F), 2.7182817F);
    EXPECT_FLOAT_EQ(unary(UnaryKind::kLog, 2.0F), 0.69314718F);
    EXPECT_EQ(unary(UnaryKind::kFloor, -1.5F), -2.0F);
    EXPECT_EQ(unary(UnaryKind::kCeil, -1.5F), -1.0F);
    EXPECT_EQ(unary(UnaryKind::kRound, 2.5F), 2.0F);
    EXPECT_EQ(unary(UnaryKind::kSign, -3.0F), -1.0F);
    EXPECT_EQ(unary(UnaryKind::kSign, 0.0F), 0.0F);
    EXPECT_EQ(unary(UnaryKind::kReciprocal, 4.0F), 0.25F);
    EXPECT_FLOAT_EQ(unary(UnaryKind::kErf, 0.5F), 0.52049988F);
    EXPECT_FLOAT_EQ(unary(UnaryKind::kSoftplus, 1.0F), 1.3132617F);
    EXPECT_EQ(unary(UnaryKind::kSoftplus, 200.0F), 200.0F);
    EXPECT_EQ(unary(UnaryKind::kSoftsign, -1.0F), -0.5F);
    EXPECT_EQ(unary(UnaryKind::kHardSwish, 3.0F), 3.0F);
    EXPECT_EQ(unary(UnaryKind::kHardSwish, -4.0F), 0.0F);
    EXPECT_FLOAT_EQ(unary(UnaryKind::kHardSwish, 1.0F), 0.6666667F);
    EXPECT_EQ(runi(Unary{UnaryKind::kNot}, {ints({0, 1})}), ints({1, 0}));
}

TEST(RunUnary, IntegersStayIntegers) {
    EXPECT_EQ(runi(Unary{UnaryKind::kNeg}, {ints({3, std::numeric_limits<std::int64_t>::min()})}),
              ints({-3, std::numeric_limits<std::int64_t>::min()}));
    EXPECT_EQ(runi(Unary{UnaryKind::kRelu}, {ints({-3, 4})}), ints({0, 4}));
    EXPECT_EQ(runi(Unary{UnaryKind::kFloor}, {ints({7})}), ints({7}));
}

TEST(RunParametric, KnownValues) {
    EXPECT_EQ(runf(Parametric{ParametricKind::kLeakyRelu, 0.5F}, {vec({-2, 3})}), vec({-1, 3}));
    EXPECT_FLOAT_EQ(runf(Parametric{ParametricKind::kElu, 2.0F}, {vec({-1})})[0], -1.2642411F);
    EXPECT_FLOAT_EQ(runf(Parametric{ParametricKind::kSelu, 1.6732632F, 1.050701F}, {vec({1})})[0], 1.050701F);
    EXPECT_FLOAT_EQ(runf(Parametric{ParametricKind::kSelu, 1.6732632F, 1.050701F}, {vec({-1})})[0], -1.1113307F);
    EXPECT_EQ(runf(Parametric{ParametricKind::kHardSigmoid, 0.25F, 0.5F}, {vec({-9, 0, 1, 9})}),
              vec({0, 0.5F, 0.75F, 1}));
    EXPECT_EQ(runf(Parametric{ParametricKind::kThresholdedRelu, 1.0F}, {vec({1, 1.5F})}), vec({0, 1.5F}));
    EXPECT_FLOAT_EQ(runf(Parametric{ParametricKind::kCelu, 2.0F}, {vec({-2})})[0], -1.2642411F);
}

TEST(RunBinary, KindsOnFloats) {
    const Value a = vec({6, -3});
    const Value b = vec({2, 2});
    EXPECT_EQ(runf(Binary{BinaryKind::kAdd}, {a, b}), vec({8, -1}));
    EXPECT_EQ(runf(Binary{BinaryKind::kSub}, {a, b}), vec({4, -5}));
    EXPECT_EQ(runf(Binary{BinaryKind::kMul}, {a, b}), vec({12, -6}));
    EXPECT_EQ(runf(Binary{BinaryKind::kDiv}, {a, b}), vec({3, -1.5F}));
    EXPECT_EQ(runf(Binary{BinaryKind::kPow}, {a, b}), vec({36, 9}));
    EXPECT_EQ(runf(Binary{BinaryKind::kMin}, {a, b}), vec({2, -3}));
    EXPECT_EQ(runf(Binary{BinaryKind::kMax}, {a, b}), vec({6, 2}));
}

TEST(RunBinary, KindsOnIntegers) {
    const Value a = ints({7, -7});
    const Value b = ints({2, -1});
    EXPECT_EQ(runi(Binary{BinaryKind::kAdd}, {a, b}), ints({9, -8}));
    EXPECT_EQ(runi(Binary{BinaryKind::kDiv}, {a, b}), ints({3, 7}));
    EXPECT_EQ(runi(Binary{BinaryKind::kPow}, {ints({2}), ints({10})}), ints({1024}));
    EXPECT_EQ(runi(Binary{BinaryKind::kMax}, {a, b}), ints({7, -1}));
    EXPECT_EQ(refusal(Binary{BinaryKind::kDiv}, {a, ints({0})}),
              "Q0206: node n (Div): divides an integer by 0; check the shape computation that feeds it");
}

TEST(RunBinary, Broadcasting) {
    const Floats a({2, 1, 2}, {1, 2, 3, 4});
    const Floats b({3, 1}, {10, 20, 30});
    EXPECT_EQ(runf(Binary{BinaryKind::kAdd}, {a, b}),
              Floats({2, 3, 2}, {11, 12, 21, 22, 31, 32, 13, 14, 23, 24, 33, 34}));
    EXPECT_EQ(runf(Binary{BinaryKind::kSub}, {num(1), vec({1, 2})}), vec({0, -1}));
    EXPECT_EQ(refusal(Binary{BinaryKind::kAdd}, {vec({1, 2}), vec({1, 2, 3})}),
              "Q0201: node n (Add): its operands have shapes [2] and [3], which do not broadcast; make the two shapes "
              "agree");
}

TEST(RunBinary, BroadcastingEqualsSlowIndexing) {
    std::mt19937 random(3);
    for (int round = 0; round < 200; ++round) {
        Shape a;
        Shape b;
        for (std::uint32_t axis = random() % 4; axis > 0; --axis) {
            const auto size = static_cast<std::int64_t>(random() % 3 + 1);
            a.push_back(random() % 2 != 0 ? size : 1);
            b.push_back(random() % 2 != 0 ? size : 1);
        }
        if (!b.empty() && random() % 3 == 0) {
            b.erase(b.begin());
        }
        const Floats x = random_floats(a, random);
        const Floats y = random_floats(b, random);
        const Floats got = runf(Binary{BinaryKind::kSub}, {x, y});
        // Index by index: an axis of size 1 is read at 0.
        auto at = [](const Floats& t, std::int64_t flat, const Shape& result) {
            std::int64_t from = 0;
            std::int64_t stride = 1;
            for (std::size_t back = 0; back < result.size(); ++back) {
                const std::int64_t size = result[result.size() - 1 - back];
                const std::int64_t position = flat % size;
                flat /= size;
                if (back < t.shape().size()) {
                    const std::int64_t own = t.shape()[t.shape().size() - 1 - back];
                    from += own == 1 ? 0 : position * stride;
                    stride *= own;
                }
            }
            return t[from];
        };
        for (std::int64_t i = 0; i < got.size(); ++i) {
            ASSERT_EQ(got[i], at(x, i, got.shape()) - at(y, i, got.shape()))
                << shape_text(a) << shape_text(b) << " at " << i;
        }
    }
}

TEST(RunClip, LimitsMayBeAbsent) {
    const Value x = vec({-5, 0, 5});
    const Value lo = num(-1);
    const Value hi = num(2);
    EXPECT_EQ(runf(Clip{}, {x, lo, hi}), vec({-1, 0, 2}));
    EXPECT_EQ(runf(Clip{}, {x}), vec({-5, 0, 5}));
    EXPECT_EQ(std::get<Floats>(run_node(node_of(Clip{}), {&x, nullptr, &hi})[0]), vec({-5, 0, 2}));
    EXPECT_EQ(runi(Clip{}, {ints({-9, 9}), ints({-7}), ints({7})}), ints({-7, 7}));
    EXPECT_EQ(runf(Clip{}, {vec({-9, 9}), ints({-7}), ints({7})}), vec({-7, 7}));  // integers carried as floats
    EXPECT_EQ(refusal(Clip{}, {x, vec({1, 2})}),
              "Q0201: node n (Clip): a limit has shape [2]; a limit is one number");
}

TEST(RunPRelu, SlopePerChannel) {
    EXPECT_EQ(runf(PRelu{}, {Floats({1, 2, 2}, {-1, 2, -4, 4}), Floats({2, 1}, {0.5F, 0.25F})}),
              Floats({1, 2, 2}, {-0.5F, 2, -1, 4}));
    EXPECT_EQ(refusal(PRelu{}, {vec({1}), vec({1, 2})}),
              "Q0201: node n (PRelu): its slope has shape [2], the data [1]; make the two shapes agree");
}

TEST(RunBatchNormalization, FirstScaleThenShift) {
    // a = 2 / sqrt(3 + 1) = 1; y = x * 1 + (5 - 4 * 1)
    const std::vector<Value> parameters{vec({2, 2}), vec({5, 0}), vec({4, 0}), vec({3, 0})};
    std::vector<Value> inputs{Floats({1, 2, 2}, {1, 2, 3, 4})};
    inputs.insert(inputs.end(), parameters.begin(), parameters.end());
    EXPECT_EQ(runf(BatchNormalization{.epsilon = 1}, inputs), Floats({1, 2, 2}, {2, 3, 6, 8}));
    EXPECT_EQ(runf(BatchNormalization{.epsilon = 1, .channels_last = true}, inputs),
              Floats({1, 2, 2}, {2, 4, 4, 8}));
    inputs[2] = vec({1, 2, 3});
    EXPECT_EQ(refusal(BatchNormalization{}, inputs),
              "Q0201: node n (BatchNormalization): its bias has shape [3], the data [1, 2, 2] has 2 channels; give one "
              "value a channel");
}

TEST(RunCast, TruncatesAndTests) {
    EXPECT_EQ(runi(Cast{CastTarget::kInt64}, {vec({-1.9F, 1.9F})}), ints({-1, 1}));
    EXPECT_EQ(runf(Cast{CastTarget::kFloat32}, {ints({-1, 2})}), vec({-1, 2}));
    EXPECT_EQ(runi(Cast{CastTarget::kBool}, {vec({0, 0.5F})}), ints({0, 1}));
}

TEST(RunNode, CountsAreChecked) {
    EXPECT_EQ(refusal(Binary{BinaryKind::kAdd}, {vec({1})}),
              "Q0207: node n (Add): has 1 inputs, the operator takes 2; export the model again; the file does not "
              "follow the operator's definition");
    EXPECT_EQ(refusal(Unary{}, {vec({1})}, 2),
              "Q0207: node n (Identity): has 2 outputs, the operator gives 1; export the model again; the file does not "
              "follow the operator's definition");
    const Value x = vec({1});
    try {
        run_node(node_of(Binary{}), {nullptr, &x});
        FAIL();
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(), "Q0207: node n (Add): input 0 is missing; export the model again; the file does not "
                                   "follow the operator's definition");
    }
}

}  // namespace
}  // namespace qloom::ir
