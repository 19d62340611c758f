#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "train/train.h"

namespace qloom::train {

// What a network may cost in hardware, and who says what it does: any function of the exported
// graph. Here the compiler's own cost model, which this room does not know.
struct Budget {
    double limit = 0.0;
    std::function<double(const ir::Graph& graph)> price;
};

// A quantiser whose width is learned: the weights of a layer ("fc1.weight"), what an activation
// gives ("act1"), or what a join adds ("add1").
struct LearnedWidth {
    std::string quantiser;
    int bits = 0;
    double loss_slope =
        0.0;  // d(loss) / d(bits) at the end of the search: negative, more bits help
    double price_slope = 0.0;  // what the last bit costs
    friend bool operator==(const LearnedWidth&, const LearnedWidth&) = default;
};

struct BudgetedRecipe {
    Recipe recipe;  // with these widths; it starts from the state that the search ended with
    std::vector<LearnedWidth> widths;
    double price = 0.0;  // of that state
    int prices_asked = 0;
    double seconds = 0.0;
};

// The recipe with widths that pay most within a budget, in the manner of HGQ (arXiv 2405.00645):
// widths are real numbers b that descend on loss + lambda * price / limit while the network trains
// with round(b),
//   d loss / d b = -ln 2 * sum g (q - x)      over values inside the levels, g = d loss / d q
//   d price / d b = price(b) - price(b - 1)
// and lambda rises while the price is above the limit. The search takes a quarter of the epochs; at
// its end the bits of least loss for their price go until the network fits, and those that gain
// most for it come while it still fits. Quantisers with one bit and sign, with a constant scale, or
// that someone else's width follows from keep what the recipe says. Same recipe, seed and threads:
// the same widths. Throws kBudgetUnreachable, and what train() throws.
BudgetedRecipe fit_budget(const Recipe& recipe, const TrainOptions& options, const Budget& budget,
                          const ProgressSink& progress = {});

// Where `quantiser` is in the recipe; nullptr when it has none of that name.
QuantiserSpec* find_quantiser(Recipe& recipe, const std::string& quantiser);

// A recipe with other widths; `state`, that of the recipe's network, is rescaled so that every
// quantiser keeps its range.
void set_widths(Recipe& recipe, State& state, const std::map<std::string, int>& bits);

}  // namespace qloom::train
