#include "train/budget.h"

#include <gtest/gtest.h>

#include <cmath>

#include "../data/test_files.h"
#include "base/diagnostic.h"
#include "base/npy.h"
#include "ir/ops.h"
#include "round_trip.h"
#include "train/export_model.h"
#include "train/model.h"
#include "train/random.h"

namespace qloom::train {
namespace {

using data::error_text;
using data::TestFolder;

// Bits of all weights and of all activations' quantisers in an exported graph: a price that is easy
// to tell.
double bits_in(const ir::Graph& graph) {
    double total = 0.0;
    for (const ir::Node& node : graph.nodes()) {
        if (!std::holds_alternative<ir::Quant>(node.op)) {
            continue;
        }
        const auto& bits = std::get<Tensor<float>>(*graph.tensor(node.inputs[3]).constant);
        const bool weights = graph.is_constant(node.inputs[0]);
        total +=
            static_cast<double>(bits[0]) *
            (weights
                 ? static_cast<double>(
                       graph.tensor(node.inputs[0]).constant
                           ? std::get<Tensor<float>>(*graph.tensor(node.inputs[0]).constant).size()
                           : 0)
                 : 8.0);
    }
    return total;
}

class FitBudget : public testing::Test {
protected:
    FitBudget()
        : folder_(std::string("budget_") +
                  testing::UnitTest::GetInstance()->current_test_info()->name()) {
        Random random(3);
        Tensor<std::int64_t> samples({600, 6});
        Tensor<std::int64_t> labels(Shape{600});
        for (std::int64_t i = 0; i < 600; ++i) {
            labels[i] = static_cast<std::int64_t>(random.below(3));
            for (std::int64_t j = 0; j < 6; ++j) {
                samples[i * 6 + j] =
                    static_cast<std::int64_t>(random.below(150)) + (j % 3 == labels[i] ? 100 : 0);
            }
        }
        write_npy(folder_.path() / "x.npy", samples);
        write_npy(folder_.path() / "y.npy", labels);
    }

    [[nodiscard]] Recipe recipe(const std::string& more = "") const {
        const std::string data = "npy:" + (folder_.path() / "x.npy").string() + "," +
                                 (folder_.path() / "y.npy").string();
        return parse_recipe(
            "[data]\ntrain = \"" + data + "\"\ntest = \"" + data +
                "\"\n[input]\nfeatures = 6\n[training]\nepochs = 12\nbatch_size = "
                "20\nlearning_rate = 0.01\n"
                "[quantisation]\nweights = { bits = 8 }\nactivations = { bits = 8 }\n"
                "[[layers]]\ntype = \"linear\"\nname = \"wide\"\noutputs = 32\nbias = "
                "false\n[[layers]]\ntype = \"batch_norm\"\n[[layers]]\ntype = "
                "\"relu\"\nname = \"act\"\n[[layers]]\ntype = \"linear\"\nname = "
                "\"head\"\noutputs = 3\n" +
                more,
            "r");
    }
    const TestFolder folder_;
};

// 6 * 32 * 8 + 32 * 3 * 8 + 8 * 8 = 2368 at 8 bits, 2, 2 and 1 bits at least: 584.
TEST_F(FitBudget, KeepsWithinItAndStillLearns) {
    const BudgetedRecipe found = fit_budget(recipe(), {}, {.limit = 1200.0, .price = bits_in});
    EXPECT_LE(found.price, 1200.0);
    EXPECT_GT(found.price, 900.0) << "what may be spent is spent";
    ASSERT_EQ(found.widths.size(), 3U);
    Recipe changed = found.recipe;
    double slopes = 0.0;
    for (const LearnedWidth& width : found.widths) {
        EXPECT_EQ(find_quantiser(changed, width.quantiser)->type.bits, width.bits);
        slopes += width.loss_slope;
    }
    EXPECT_LT(slopes, 0.0) << "more bits help";
    const Model start(found.recipe, 1);
    EXPECT_EQ(bits_in(export_graph(network_of(start))), found.price);
    EXPECT_GT(train(found.recipe).accuracy, 0.9);
}

TEST_F(FitBudget, SameSeedSameWidths) {
    const Budget budget{.limit = 1000.0, .price = bits_in};
    EXPECT_EQ(fit_budget(recipe(), {}, budget).widths, fit_budget(recipe(), {}, budget).widths);
}

TEST_F(FitBudget, TheImpossibleIsRefusedBeforeTheSearch) {
    EXPECT_EQ(error_text([&] { fit_budget(recipe(), {}, {.limit = 500.0, .price = bits_in}); }),
              "Q0826: r: with the least widths it costs 584, and the budget is 500; give a larger "
              "budget, a lower rate, or a smaller network");
}

TEST_F(FitBudget, WidthsThatOthersFollowFrom) {
    Recipe bounded = recipe();
    std::get<LinearSpec>(bounded.layers.back().kind).accumulator = AccumulatorSpec{.bits = 12};
    EXPECT_EQ(error_text([&] { fit_budget(bounded, {}, {.limit = 1e9, .price = bits_in}); }),
              "Q0817: r: the width that head gives or takes is fixed; leave out --budget, or "
              "accumulator and trunc_avg_pool");
}

// The slope of the loss by a width, against the loss of one bit more and one less on the same
// weights: it has their sign and their size, as far as one number can say what a factor of four in
// noise does.
TEST_F(FitBudget, SlopesPointWhereTheLossGoes) {
    Recipe coarse = recipe();
    find_quantiser(coarse, "act")->type.bits = 3;
    find_quantiser(coarse, "wide.weight")->type.bits = 3;
    const Model model = trained_model(coarse, 200);
    const Samples batch = samples_of(coarse, 2000, 7);
    WidthPulls pulls;
    const auto loss_with = [&](int bits, WidthPulls* wanted) {
        Recipe other = coarse;
        State state = model.state();
        set_widths(other, state, {{"act", bits}});
        other.start = state;
        return Model(other, 1)
            .train_step(batch.values, batch.labels, 0, {}, nullptr, {}, wanted)
            .loss;
    };
    const double here = loss_with(3, &pulls);
    ASSERT_TRUE(pulls.contains("act"));
    EXPECT_GT(loss_with(1, nullptr), here);
    EXPECT_LT(pulls["act"], 0.0);
    EXPECT_LT(std::fabs(pulls["act"]), 20.0 * (loss_with(1, nullptr) - here));
}

}  // namespace
}  // namespace qloom::train
