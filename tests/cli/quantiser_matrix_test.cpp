// Every kind of quantiser trained, exported, compiled and simulated: long chains of small layers, each with another
// quantiser, so that few simulators have to be built.
#include <gtest/gtest.h>

#include <algorithm>

#include "../train/quantiser_matrix.h"
#include "base/npy.h"
#include "program_run.h"
#include "tiny_models.h"

namespace qloom::cli {
namespace {

class QuantiserMatrix : public testing::Test {
protected:
    void SetUp() override {
        write_npy(place_.path("x.npy"), dense_frames(60));
        Tensor<std::int64_t> labels({60});
        for (std::int64_t i = 0; i < 60; ++i) {
            labels[i] = i % 3;
        }
        write_npy(place_.path("y.npy"), labels);
    }

    // Exported, the self-check of compile compares the reference executor with the integer engine; simulate compares that
    // with the RTL, bit by bit.
    void expect_exact(const std::vector<std::string>& weights, const std::vector<std::string>& activations) {
        place_.write("chain.toml", "[data]\ntrain = \"npy:x.npy,y.npy\"\ntest = \"npy:x.npy,y.npy\"\n"
                                   "[training]\nepochs = 2\nbatch_size = 20\nlearning_rate = 0.01\n" +
                                       train::chain_recipe(weights, activations));
        const Outcome trained = place_.qloom({"train", "chain.toml", "-o", "run", "--json"});
        ASSERT_EQ(trained.exit_code, 0) << trained.err;
        const Outcome compiled = place_.qloom(
            {"compile", "run/model.onnx", "--board", "kv260", "--ii", "2000", "--no-package", "-o", "out", "--json"});
        ASSERT_EQ(compiled.exit_code, 0) << compiled.err;
        const Outcome simulated = place_.qloom({"simulate", "out", "--data", "npy:x.npy,y.npy", "--json"});
        ASSERT_EQ(simulated.exit_code, 0) << simulated.err;
        EXPECT_EQ(simulated.json()["mismatches"], 0);
        EXPECT_EQ(simulated.json()["frames"], 60);
    }

    Workplace place_;
};

// Every `step`-th of a list, so that with a step prime to the lengths of its loops every choice comes.
std::vector<std::string> some(const std::vector<std::string>& all, std::size_t count) {
    std::vector<std::string> result;
    const std::size_t step = all.size() / count | 1U;
    for (std::size_t i = 0; result.size() < count; i += step) {
        result.push_back(all[i % all.size()]);
    }
    return result;
}

TEST_F(QuantiserMatrix, RtlIsExact) {
    constexpr std::size_t kChain = 20;
    const std::vector<std::string> weights = some(train::weight_quantisers(), kChain);
    const std::vector<std::string> activations = some(train::activation_quantisers(), kChain);
    for (int bits = 1; bits <= 8; ++bits) {
        const std::string text = "bits = " + std::to_string(bits) + ",";
        const auto has = [&](const std::string& quantiser) { return quantiser.find(text) != std::string::npos; };
        EXPECT_TRUE(std::ranges::any_of(weights, has)) << bits;
        EXPECT_TRUE(std::ranges::any_of(activations, has)) << bits;
    }
    expect_exact(weights, activations);
}

// All of them: `ctest -C sweep -L slow`.
TEST_F(QuantiserMatrix, DISABLED_Sweep) {
    constexpr std::size_t kChain = 24;
    const std::vector<std::string> weights = train::weight_quantisers();
    const std::vector<std::string> activations = train::activation_quantisers();
    for (std::size_t first = 0; first < std::max(weights.size(), activations.size()); first += kChain) {
        std::vector<std::string> w;
        std::vector<std::string> a;
        for (std::size_t i = first; i < first + kChain; ++i) {
            w.push_back(weights[i % weights.size()]);
            a.push_back(activations[i % activations.size()]);
        }
        SCOPED_TRACE("from " + std::to_string(first));
        expect_exact(w, a);
    }
}

}  // namespace
}  // namespace qloom::cli
