// Every kind of quantiser in every combination that a recipe can name, as layers of small networks:
// what the reference executor and the integer engine compute of the export is what the trainer
// computes. The same kinds go through RTL in tests/cli/quantiser_matrix_test.cpp.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/diagnostic.h"
#include "quantiser_matrix.h"
#include "round_trip.h"

namespace qloom::train {
namespace {

// Networks of so many layers: a value that float rounding moves over a border may spoil the outputs
// of one of 48 samples.
constexpr std::size_t kLayers = 5;
constexpr double kOneSample = 1.0 / 48.0 + 1e-9;

// Runs `check` on `kLayers` of a list at a time.
template <class Check>
void in_chains(const std::vector<std::string>& all, Check check) {
    for (std::size_t first = 0; first < all.size(); first += kLayers) {
        const auto end = std::min(all.size(), first + kLayers);
        check(std::vector<std::string>(all.begin() + static_cast<std::ptrdiff_t>(first),
                                       all.begin() + static_cast<std::ptrdiff_t>(end)));
    }
}

TEST(ExportMatrix, EveryWeightQuantiser) {
    ASSERT_GT(weight_quantisers().size(), 300U);
    in_chains(weight_quantisers(), [](const std::vector<std::string>& weights) {
        expect_round_trip(chain_recipe(weights, {"{ bits = 6, signed = true }"}), Lowering::kWhole,
                          kOneSample);
    });
}

TEST(ExportMatrix, EveryActivationQuantiser) {
    ASSERT_GT(activation_quantisers().size(), 200U);
    in_chains(activation_quantisers(), [](const std::vector<std::string>& activations) {
        expect_round_trip(chain_recipe({"{ bits = 4 }"}, activations), Lowering::kWhole,
                          kOneSample);
    });
}

// A scale a channel of activations leaves no integer sums: evaluated, not lowered.
TEST(ExportMatrix, ActivationsWithAScaleAChannel) {
    in_chains(activation_quantisers(/*per_channel=*/true),
              [](const std::vector<std::string>& activations) {
                  expect_round_trip(chain_recipe({"{ bits = 4 }"}, activations), Lowering::kNone,
                                    kOneSample);
              });
}

// Biases of 2 to 32 bits, at the scale of the sums and at one of their own.
TEST(ExportMatrix, EveryBias) {
    for (int bits = 2; bits <= 32; ++bits) {
        for (const std::string scale : {"accumulator", "max"}) {
            expect_round_trip(
                fmt::format(
                    "[input]\nfeatures = 6\nscale = 0.0078125\n[quantisation]\nbias = {{ bits = "
                    "{}, scale = \"{}\" }}\n[[layers]]\ntype = \"linear\"\noutputs = "
                    "6\n[[layers]]\ntype = \"relu\"\n[[layers]]\ntype = \"linear\"\noutputs = "
                    "3\n",
                    bits, scale),
                Lowering::kWhole, kOneSample);
        }
    }
}

}  // namespace
}  // namespace qloom::train
