#include "explore/pareto.h"

#include <algorithm>

namespace qloom::explore {
namespace {

bool beats(const Merit& a, const Merit& b) {
    const bool no_worse = a.accuracy >= b.accuracy && a.fps >= b.fps && a.luts <= b.luts;
    const bool better = a.accuracy > b.accuracy || a.fps > b.fps || a.luts < b.luts;
    return no_worse && better;
}

}  // namespace

std::vector<bool> pareto(const std::vector<Merit>& merits) {
    std::vector<bool> result;
    for (const Merit& merit : merits) {
        result.push_back(std::ranges::none_of(
            merits, [&](const Merit& other) { return beats(other, merit); }));
    }
    return result;
}

}  // namespace qloom::explore
