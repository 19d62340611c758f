#include "hw/branch_and_bound.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace qloom::hw {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Sums of the same numbers in another order differ by less.
constexpr double kTolerance = 1e-7;

bool is_finite(double value) { return value < kInfinity; }

}  // namespace

bool BranchAndBound::keeps_budgets(const Usage& usage) const {
    for (std::size_t i = 0; i < kUsageKinds; ++i) {
        if (usage[i] > options_.budgets[i] + kTolerance) return false;
    }
    return true;
}

// How far the budgets are exceeded, in shares of them, added.
double BranchAndBound::excess(const Usage& usage) const {
    double sum = 0.0;
    for (std::size_t i = 0; i < kUsageKinds; ++i) {
        if (usage[i] > options_.budgets[i])
            sum += (usage[i] - options_.budgets[i]) / std::max(options_.budgets[i], 1.0);
    }
    return sum;
}

void BranchAndBound::offer(const Assignment& assignment) {
    if (!keeps_budgets(assignment.usage)) {
        const double over = excess(assignment.usage);
        if (!result_.closest || over < closest_excess_) {
            result_.closest = assignment;
            closest_excess_ = over;
        }
        return;
    }
    double price = dot(options_.weights, assignment.usage);
    if (price >= result_.price - kTolerance) return;
    if (options_.surcharge) {
        if (surcharges_ >= options_.most_surcharges) return;
        ++surcharges_;
        const std::optional<double> more = options_.surcharge(assignment);
        if (!more) return;
        price += *more;
    }
    if (price >= result_.price - kTolerance) return;
    result_.price = price;
    result_.best = assignment;
}

// The cheapest assignment by raised prices: a lower bound, and perhaps one that keeps the budgets.
void BranchAndBound::try_weights(const Usage& weights) {
    const std::optional<Assignment> found = problem_.cheapest(weights);
    // The value of the relaxation is the root of the elimination; where tables are split that is
    // less than what was found, or nothing was found although there may be something.
    double bound = found && problem_.is_exact() ? dot(weights, found->usage)
                                                : problem_.eliminate(weights).root;
    if (bound == kInfinity) {
        is_impossible_ = true;
        return;
    }
    // No mixture of the budgets that every assignment exceeds can be kept.
    double most = 0.0;
    for (std::size_t i = 0; i < kUsageKinds; ++i) {
        if (weights[i] > 0.0) most += weights[i] * options_.budgets[i];
    }
    is_impossible_ = is_impossible_ || bound > most * (1.0 + 1e-9) + kTolerance;
    for (std::size_t i = 0; i < kUsageKinds; ++i) {
        if (weights[i] != options_.weights[i])
            bound -= (weights[i] - options_.weights[i]) * options_.budgets[i];
    }
    if (bound > result_.lower_bound) {
        result_.lower_bound = bound;
        best_weights_ = weights;
    }
    if (!found) return;
    offer(*found);
    partial_ = *found;
}

// Where one resource alone is short: the price at which it just suffices, by halving.
void BranchAndBound::sharpen(std::size_t kind) {
    Usage low = best_weights_;
    Usage high = best_weights_;
    for (int i = 0; i < 8; ++i) {
        try_weights(high);
        if (partial_.usage[kind] <= options_.budgets[kind]) break;
        low = high;
        high[kind] = std::max(high[kind] * 2.0, 1e-3);
    }
    for (int i = 0; i < 8; ++i) {
        try_weights(low);
        if (partial_.usage[kind] > options_.budgets[kind] || low[kind] <= options_.weights[kind])
            break;
        high = low;
        low[kind] = std::max(low[kind] / 2.0, options_.weights[kind]);
    }
    for (int i = 0; i < 20; ++i) {
        Usage middle = low;
        middle[kind] = (low[kind] + high[kind]) / 2.0;
        try_weights(middle);
        (partial_.usage[kind] > options_.budgets[kind] ? low : high) = middle;
    }
}

// Raises the price of what is short and lowers that of what is left, until neither is far off: the
// largest lower bound.
void BranchAndBound::raise_prices() {
    constexpr int kRounds = 60;
    Usage weights = options_.weights;
    try_weights(weights);
    if (!result_.closest) return;  // the cheapest of all keeps the budgets
    for (int round = 0; round < kRounds && !is_settled(); ++round) {
        const Usage used = partial_.usage;
        const double rate = 1.5 / (1.0 + round / 6.0);
        for (std::size_t i = 0; i < kUsageKinds; ++i) {
            if (!is_finite(options_.budgets[i])) continue;
            const double over =
                (used[i] - options_.budgets[i]) / std::max(options_.budgets[i], 1.0);
            const double base = std::max(weights[i], 1e-3);
            weights[i] =
                std::max(options_.weights[i], base * std::exp(rate * std::clamp(over, -1.0, 1.0)));
        }
        try_weights(weights);
    }
    for (std::size_t i = 0; i < kUsageKinds && !is_settled(); ++i) {
        if (is_finite(options_.budgets[i]) && best_weights_[i] > options_.weights[i]) sharpen(i);
    }
}

bool BranchAndBound::is_settled() const {
    return is_impossible_ || (options_.any && result_.best.has_value());
}

void BranchAndBound::add_bound(const Usage& weights, double limit, bool is_price) {
    Bound bound{.weights = weights,
                .values = problem_.eliminate(weights),
                .limit = limit,
                .is_price = is_price,
                .offset = 0.0};
    if (is_price) {
        for (std::size_t i = 0; i < kUsageKinds; ++i) {
            if (weights[i] != options_.weights[i])
                bound.offset += (weights[i] - options_.weights[i]) * options_.budgets[i];
        }
    }
    bounds_.push_back(std::move(bound));
}

SearchResult BranchAndBound::run() {
    result_.lower_bound = -kInfinity;
    best_weights_ = options_.weights;
    raise_prices();
    result_.prices = best_weights_;
    if (result_.lower_bound == -kInfinity || is_impossible_) {  // nothing is allowed at all
        result_.is_proven = true;
        return std::move(result_);
    }
    if (options_.any && result_.best) return std::move(result_);
    if (result_.best && result_.price <= result_.lower_bound + kTolerance) {
        result_.is_proven = true;
        return std::move(result_);
    }
    add_bound(best_weights_, 0.0, true);
    if (best_weights_ != options_.weights) add_bound(options_.weights, 0.0, true);
    for (std::size_t i = 0; i < kUsageKinds; ++i) {
        if (!is_finite(options_.budgets[i])) continue;
        Usage one = {};
        one[i] = 1.0;
        add_bound(one, options_.budgets[i], false);
    }
    for (const AssignmentProblem::Step& step : problem_.steps_) {
        std::vector<int> factors;
        for (const auto& bucket : step.buckets) {
            for (const int table : bucket.tables) {
                if (table < static_cast<int>(problem_.factors_.size())) factors.push_back(table);
            }
        }
        factors_of_step_.push_back(std::move(factors));
    }
    partial_.values.assign(problem_.sizes_.size(), 0);
    partial_.picks.assign(problem_.factors_.size(), 0);
    partial_.usage = {};
    std::vector<double> roots;
    for (const Bound& bound : bounds_) roots.push_back(bound.values.root);
    if (!is_pruned(roots)) descend(problem_.steps_.size(), roots);
    result_.is_proven = !is_over();
    if (result_.is_proven && result_.best) result_.lower_bound = result_.price;
    return std::move(result_);
}

bool BranchAndBound::is_over() const {
    return nodes_ >= options_.most_nodes || (options_.any && result_.best) ||
           (options_.surcharge && surcharges_ >= options_.most_surcharges);
}

bool BranchAndBound::is_pruned(const std::vector<double>& bounds) const {
    for (std::size_t k = 0; k < bounds.size(); ++k) {
        const Bound& bound = bounds_[k];
        if (bounds[k] == kInfinity) return true;
        if (bound.is_price ? bounds[k] - bound.offset >= result_.price - kTolerance
                           : bounds[k] > bound.limit + kTolerance)
            return true;
    }
    return false;
}

// Chooses the variable of step - 1; those of later steps are chosen.
void BranchAndBound::descend(std::size_t step, const std::vector<double>& bounds) {
    if (step == 0) {
        offer(partial_);
        return;
    }
    const AssignmentProblem::Step& its = problem_.steps_[step - 1];
    int& value = partial_.values[static_cast<std::size_t>(its.variable)];
    struct Option {
        int value;
        std::vector<double> bounds;
    };
    std::vector<Option> options;
    for (value = 0; value < problem_.sizes_[static_cast<std::size_t>(its.variable)]; ++value) {
        std::vector<double> next = bounds;
        for (const auto& bucket : its.buckets) {
            const auto message = static_cast<std::size_t>(bucket.message);
            const auto entry =
                static_cast<std::size_t>(problem_.index_of(bucket.message, partial_.values));
            for (std::size_t k = 0; k < next.size(); ++k)
                next[k] -= bounds_[k].values.tables[message][entry];
            for (const int table : bucket.tables) {
                const auto at =
                    static_cast<std::size_t>(problem_.index_of(table, partial_.values));
                for (std::size_t k = 0; k < next.size(); ++k)
                    next[k] += bounds_[k].values.tables[static_cast<std::size_t>(table)][at];
            }
        }
        if (!is_pruned(next)) options.push_back({value, std::move(next)});
    }
    std::ranges::stable_sort(options, {}, [](const Option& option) { return option.bounds[0]; });
    for (const Option& option : options) {
        if (is_over()) return;
        if (is_pruned(option.bounds)) continue;
        value = option.value;
        ++nodes_;
        pick(step, 0, option.bounds);
    }
}

// Chooses the alternative of the step's factor, then goes on.
void BranchAndBound::pick(std::size_t step, std::size_t factor, const std::vector<double>& bounds) {
    const std::vector<int>& factors = factors_of_step_[step - 1];
    if (factor == factors.size()) {
        descend(step - 1, bounds);
        return;
    }
    const auto index = static_cast<std::size_t>(factors[factor]);
    const Factor& its = problem_.factors_[index];
    const auto entry =
        static_cast<std::size_t>(problem_.index_of(factors[factor], partial_.values));
    const Usage before = partial_.usage;
    const auto take = [&](int alternative, const std::vector<double>& next) {
        const Usage& usage = its.alternatives[static_cast<std::size_t>(alternative)];
        for (std::size_t i = 0; i < kUsageKinds; ++i) partial_.usage[i] = before[i] + usage[i];
        partial_.picks[index] = alternative;
        pick(step, factor + 1, next);
        partial_.usage = before;
    };
    const int first = its.first[entry];
    const int end = its.first[entry + 1];
    if (end - first == 1) {
        take(first, bounds);
        return;
    }
    std::vector<std::pair<std::vector<double>, int>> options;
    for (int a = first; a < end; ++a) {
        std::vector<double> next = bounds;
        for (std::size_t k = 0; k < next.size(); ++k) {
            next[k] += dot(bounds_[k].weights, its.alternatives[static_cast<std::size_t>(a)]) -
                       bounds_[k].values.tables[index][entry];
        }
        if (!is_pruned(next)) options.emplace_back(std::move(next), a);
    }
    std::ranges::stable_sort(options, {}, [](const auto& option) { return option.first[0]; });
    for (const auto& [next, alternative] : options) {
        if (is_over()) return;
        if (is_pruned(next)) continue;
        ++nodes_;
        take(alternative, next);
    }
}

}  // namespace qloom::hw
