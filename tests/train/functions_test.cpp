#include "train/functions.h"

#include <gtest/gtest.h>

#include <cmath>

namespace qloom::train {
namespace {

using torch::Tensor;

// Values from a fixed sequence, gradients wanted.
Tensor leaf(std::vector<std::int64_t> sizes, int salt) {
    Tensor tensor = torch::empty(std::move(sizes));
    int i = salt;
    for (float& value : span_of(tensor)) {
        value = std::sin(static_cast<float>(++i) * 1.7F);
    }
    return tensor.requires_grad_();
}

Tensor copy_of(const Tensor& tensor) { return tensor.detach().clone().requires_grad_(); }

void expect_close(const Tensor& a, const Tensor& b, double tolerance = 1e-5) {
    ASSERT_TRUE(a.defined() && b.defined());
    EXPECT_LT((a - b).abs().max().item<double>(), tolerance) << a << "\n" << b;
}

// The straight-through quantiser from LibTorch's own operators: the rounding error is a constant to
// autograd.
Tensor reference_quant(const Tensor& x, const Tensor& scale, double lo, double hi) {
    const Tensor ratio = torch::clamp(x / scale, lo, hi);
    return scale * (ratio + (torch::round(ratio) - ratio).detach());
}

// LSQ's step-size factor scales the gradient of a learned scale.
double balance(std::int64_t values, double hi) {
    return 1.0 / std::sqrt(static_cast<double>(values) * hi);
}

class QuantisedLinearTest : public testing::TestWithParam<Granularity> {};

TEST_P(QuantisedLinearTest, AgreesWithAutograd) {
    const bool per_channel = GetParam() == Granularity::kChannel;
    const QuantiserSpec spec{.type = {4, true, true}, .granularity = GetParam()};
    const Tensor x = leaf({5, 6}, 1);
    const Tensor weight = leaf({3, 6}, 100);
    const Tensor bias = leaf({3}, 200);
    const Tensor logarithm = torch::full({per_channel ? 3 : 1}, std::log(0.11F)).requires_grad_();
    const Tensor upstream = leaf({5, 3}, 300).detach();

    const Tensor y =
        quantised_linear(x, weight, bias, {logarithm.detach().exp(), {}, logarithm}, spec);
    y.backward(upstream);

    const Tensor x2 = copy_of(x);
    const Tensor weight2 = copy_of(weight);
    const Tensor bias2 = copy_of(bias);
    const Tensor logarithm2 = copy_of(logarithm);
    const Tensor scale2 = per_channel ? logarithm2.exp().unsqueeze(1) : logarithm2.exp();
    const Tensor y2 = torch::addmm(bias2, x2, reference_quant(weight2, scale2, -7.0, 7.0).t());
    y2.backward(upstream);

    expect_close(y, y2);
    expect_close(x.grad(), x2.grad());
    expect_close(weight.grad(), weight2.grad());
    expect_close(bias.grad(), bias2.grad());
    expect_close(logarithm.grad(), logarithm2.grad() * balance(per_channel ? 6 : 18, 7.0));
}

INSTANTIATE_TEST_SUITE_P(Granularities, QuantisedLinearTest,
                         testing::Values(Granularity::kTensor, Granularity::kChannel));

TEST(QuantisedLinear, WithoutBiasAndLearnedScale) {
    const QuantiserSpec spec{.type = {2, true, true}, .source = ScaleSource::kMax};
    const Tensor x = leaf({2, 4}, 1).detach();  // an input of the network: no gradient wanted
    const Tensor weight = leaf({3, 4}, 9);
    const Tensor scale = torch::full({1}, 0.5F);
    const Tensor y = quantised_linear(x, weight, {}, {scale}, spec);
    y.sum().backward();
    expect_close(y, torch::mm(x, reference_quant(weight, scale, -1.0, 1.0).t()));
    EXPECT_TRUE(weight.grad().defined());
}

TEST(QuantisedActivation, AgreesWithAutograd) {
    for (const Granularity granularity : {Granularity::kTensor, Granularity::kChannel}) {
        const bool per_channel = granularity == Granularity::kChannel;
        const QuantiserSpec spec{.type = {3, false, false}, .granularity = granularity};
        const Tensor x = leaf({6, 4}, 5);
        const Tensor logarithm =
            torch::full({per_channel ? 4 : 1}, std::log(0.09F)).requires_grad_();
        const Tensor upstream = leaf({6, 4}, 50).detach();
        const Tensor y =
            quantised(x, {logarithm.detach().exp(), {}, logarithm}, spec, Role::kActivation);
        y.backward(upstream);
        const Tensor x2 = copy_of(x);
        const Tensor logarithm2 = copy_of(logarithm);
        const Tensor y2 = reference_quant(x2, logarithm2.exp(), 0.0, 7.0);
        y2.backward(upstream);
        expect_close(y, y2);
        expect_close(x.grad(), x2.grad());
        expect_close(logarithm.grad(), logarithm2.grad() * balance(per_channel ? 6 : 24, 7.0));
    }
}

// The fused layer against LibTorch's BatchNorm and ReLU with the reference quantiser behind them.
TEST(NormActFunction, AgreesWithAutograd) {
    const QuantiserSpec spec{.type = {4, false, false}};
    const Tensor x = leaf({8, 3}, 5);
    const Tensor gamma = leaf({3}, 60);
    const Tensor beta = leaf({3}, 70);
    const Tensor logarithm = torch::full({1}, std::log(0.07F)).requires_grad_();
    const Tensor upstream = leaf({8, 3}, 50).detach();
    const Tensor y = norm_act(x, batch_statistics(x), gamma, beta, 1e-5F, {.lo = 0.0F},
                              {logarithm.detach().exp(), {}, logarithm}, spec);
    y.backward(upstream);

    const Tensor x2 = copy_of(x);
    const Tensor gamma2 = copy_of(gamma);
    const Tensor beta2 = copy_of(beta);
    const Tensor logarithm2 = copy_of(logarithm);
    const Tensor v = torch::batch_norm(x2, gamma2, beta2, {}, {}, true, 0.1, 1e-5, false);
    const Tensor y2 = reference_quant(torch::relu(v), logarithm2.exp(), 0.0, 15.0);
    y2.backward(upstream);
    expect_close(y, y2);
    expect_close(x.grad(), x2.grad(), 1e-4);
    expect_close(gamma.grad(), gamma2.grad(), 1e-4);
    expect_close(beta.grad(), beta2.grad(), 1e-4);
    expect_close(logarithm.grad(), logarithm2.grad() * balance(24, 15.0));
}

// Images, in the portable functions that other devices use, against the kernels; values and every
// gradient.
TEST(PortableFunctions, AgreeWithTheKernels) {
    struct Results {
        std::vector<Tensor> tensors;
    };
    const auto run = [](bool portable, Granularity granularity, bool asymmetric, Role role,
                        int bits) {
        use_portable_functions(portable);
        const QuantiserSpec spec{
            .type = {bits, bits == 1, false}, .granularity = granularity, .asymmetric = asymmetric};
        const Tensor x = leaf({4, 3, 5, 2}, 1);
        const std::int64_t channels = granularity == Granularity::kTensor ? 1
                                      : role == Role::kWeight             ? 4
                                                                          : 3;
        Tensor logarithm = torch::empty({channels});
        Tensor zero = torch::empty({channels});
        for (std::int64_t c = 0; c < channels; ++c) {
            logarithm[c] = std::log(0.07 + 0.03 * static_cast<double>(c));
            zero[c] = static_cast<double>(c + 2);
        }
        logarithm.requires_grad_();
        const Tensor y = quantised(
            x, {logarithm.detach().exp(), asymmetric ? zero : Tensor(), logarithm}, spec, role);
        y.backward(leaf({4, 3, 5, 2}, 50).detach());
        use_portable_functions(false);
        return Results{{y.detach(), x.grad(), logarithm.grad()}};
    };
    for (const Role role : {Role::kActivation, Role::kWeight, Role::kTransposedWeight}) {
        for (const Granularity granularity : {Granularity::kTensor, Granularity::kChannel}) {
            for (const auto& [bits, asymmetric] :
                 {std::pair{4, false}, {4, true}, {1, false}, {8, true}}) {
                const Results a = run(false, granularity, asymmetric, role, bits);
                const Results b = run(true, granularity, asymmetric, role, bits);
                for (std::size_t i = 0; i < a.tensors.size(); ++i) {
                    expect_close(a.tensors[i], b.tensors[i], 2e-5);
                }
            }
        }
    }
}

// Images through the fused layer: rows are pixels.
TEST(NormActFunction, ImagesAgreeWithAutogradInBothFormulations) {
    const QuantiserSpec spec{.type = {4, false, false}};
    std::vector<std::vector<Tensor>> results;
    for (const bool portable : {false, true}) {
        use_portable_functions(portable);
        const Tensor x = leaf({6, 3, 4, 2}, 5);
        const Tensor gamma = leaf({3}, 60);
        const Tensor beta = leaf({3}, 70);
        const Tensor logarithm = torch::full({1}, std::log(0.07F)).requires_grad_();
        const Tensor y = norm_act(x, batch_statistics(x), gamma, beta, 1e-5F, {.lo = 0.0F},
                                  {logarithm.detach().exp(), {}, logarithm}, spec);
        y.backward(leaf({6, 3, 4, 2}, 90).detach());
        results.push_back({y.detach(), x.grad(), gamma.grad(), beta.grad(), logarithm.grad()});
    }
    use_portable_functions(false);
    for (std::size_t i = 0; i < results[0].size(); ++i) {
        expect_close(results[0][i], results[1][i], 1e-4);
    }
}

TEST(QuantisedBias, RoundsAndPassesTheGradient) {
    const Tensor bias = torch::tensor({0.3F, -0.3F, 100.0F}).requires_grad_();
    const Tensor y = quantised_bias(bias, torch::full({1}, 0.125F), 127.0);
    expect_close(
        y, torch::tensor({0.25F, -0.25F,
                          15.875F}));  // the example of quantiser_spec.h, and the largest level
    y.sum().backward();
    expect_close(bias.grad(), torch::ones({3}));
}

TEST(NormActFunction, WithoutQuantiser) {
    const Tensor x = leaf({8, 3}, 5);
    const Tensor gamma = leaf({3}, 60);
    const Tensor beta = leaf({3}, 70);
    const Tensor y = norm_act(x, batch_statistics(x), gamma, beta, 1e-5F, {}, {}, std::nullopt);
    expect_close(y, torch::batch_norm(x, gamma, beta, {}, {}, true, 0.1, 1e-5, false));
}

}  // namespace
}  // namespace qloom::train
