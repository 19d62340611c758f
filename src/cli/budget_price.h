#pragma once

#include <optional>
#include <string>

#include "ir/graph.h"

namespace qloom::cli {

// The LUTs that `qloom compile` estimates for a model on a board at a rate; exactly one of fps and ii. Throws what
// lowering and folding throw.
struct PriceTarget {
    std::string board;
    std::optional<double> fps = {};
    std::optional<std::int64_t> ii = {};
};
double price_in_luts(const ir::Graph& model, const PriceTarget& target);

// 20000 of "luts=20000". Throws kOptionValue.
double parse_budget(const std::string& text);

}  // namespace qloom::cli
