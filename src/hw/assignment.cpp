#include "hw/assignment.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <utility>

#include "base/diagnostic.h"
#include "hw/branch_and_bound.h"

namespace qloom::hw {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

double dot(const Usage& weights, const Usage& usage) {
    double sum = 0.0;
    for (std::size_t i = 0; i < kUsageKinds; ++i) sum += weights[i] * usage[i];
    return sum;
}

int AssignmentProblem::add_variable(int size) {
    sizes_.push_back(size);
    return static_cast<int>(sizes_.size()) - 1;
}

int AssignmentProblem::add_factor(Factor factor) {
    factors_.push_back(std::move(factor));
    return static_cast<int>(factors_.size()) - 1;
}

// The variable whose elimination makes the smallest table comes first.
std::vector<int> AssignmentProblem::elimination_order() const {
    std::vector<std::set<int>> neighbours(sizes_.size());
    for (const Factor& factor : factors_) {
        for (const int a : factor.scope) {
            for (const int b : factor.scope) {
                if (a != b) neighbours[static_cast<std::size_t>(a)].insert(b);
            }
        }
    }
    std::vector<int> left(sizes_.size());
    std::iota(left.begin(), left.end(), 0);
    std::vector<int> order;
    while (!left.empty()) {
        const auto table_size = [&](int variable) {
            double size = 1.0;
            for (const int other : neighbours[static_cast<std::size_t>(variable)])
                size *= sizes_[static_cast<std::size_t>(other)];
            return size;
        };
        const auto next = std::ranges::min_element(left, {}, table_size);
        const int variable = *next;
        left.erase(next);
        order.push_back(variable);
        const std::set<int> around = neighbours[static_cast<std::size_t>(variable)];
        for (const int a : around) {
            auto& its = neighbours[static_cast<std::size_t>(a)];
            its.erase(variable);
            for (const int b : around) {
                if (a != b) its.insert(b);
            }
        }
    }
    return order;
}

void AssignmentProblem::prepare(std::int64_t most_entries) {
    const auto make_table = [&](std::vector<int> scope) {
        Table table{.scope = std::move(scope), .strides = {}, .size = 1};
        table.strides.resize(table.scope.size());
        for (std::size_t i = table.scope.size(); i-- > 0;) {
            table.strides[i] = table.size;
            table.size *= sizes_[static_cast<std::size_t>(table.scope[i])];
        }
        tables_.push_back(std::move(table));
        return static_cast<int>(tables_.size()) - 1;
    };
    std::vector<std::vector<int>> waiting(sizes_.size());  // tables by the variable they wait for
    const std::vector<int> order = elimination_order();
    std::vector<std::size_t> place(sizes_.size());
    for (std::size_t i = 0; i < order.size(); ++i) place[static_cast<std::size_t>(order[i])] = i;
    const auto wait = [&](int table) {
        const std::vector<int>& scope = tables_[static_cast<std::size_t>(table)].scope;
        if (scope.empty()) return;
        const int first = *std::ranges::min_element(
            scope, {}, [&](int variable) { return place[static_cast<std::size_t>(variable)]; });
        waiting[static_cast<std::size_t>(first)].push_back(table);
    };
    for (const Factor& factor : factors_) wait(make_table(factor.scope));
    for (const int variable : order) {
        Step step{.variable = variable, .buckets = {}};
        std::vector<std::vector<int>> scopes;
        for (const int table : waiting[static_cast<std::size_t>(variable)]) {
            bool placed = false;
            for (std::size_t b = 0; b < step.buckets.size() && !placed; ++b) {
                std::vector<int> together = scopes[b];
                for (const int other : tables_[static_cast<std::size_t>(table)].scope) {
                    if (std::ranges::find(together, other) == together.end())
                        together.push_back(other);
                }
                double entries = 1.0;
                for (const int other : together)
                    entries *= sizes_[static_cast<std::size_t>(other)];
                if (entries > static_cast<double>(most_entries)) continue;
                scopes[b] = std::move(together);
                step.buckets[b].tables.push_back(table);
                placed = true;
            }
            if (placed) continue;
            step.buckets.push_back({.tables = {table}, .message = -1});
            scopes.push_back(tables_[static_cast<std::size_t>(table)].scope);
        }
        is_exact_ = is_exact_ && step.buckets.size() <= 1;
        for (std::size_t b = 0; b < step.buckets.size(); ++b) {
            std::erase(scopes[b], variable);
            step.buckets[b].message = make_table(scopes[b]);
            wait(step.buckets[b].message);
        }
        steps_.push_back(std::move(step));
    }
}

std::int64_t AssignmentProblem::index_of(int table, const std::vector<int>& values) const {
    const Table& it = tables_[static_cast<std::size_t>(table)];
    std::int64_t index = 0;
    for (std::size_t i = 0; i < it.scope.size(); ++i)
        index += it.strides[i] * values[static_cast<std::size_t>(it.scope[i])];
    return index;
}

// message(s) = min over the variable of the sum of the bucket's tables at s.
void AssignmentProblem::fill_message(const Step& step, const Bucket& bucket, Values& values) const {
    const Table& message = tables_[static_cast<std::size_t>(bucket.message)];
    std::vector<double>& out = values.tables[static_cast<std::size_t>(bucket.message)];
    out.resize(static_cast<std::size_t>(message.size));
    const int size = sizes_[static_cast<std::size_t>(step.variable)];
    std::vector<int> at(sizes_.size(), 0);
    struct Source {
        const double* base;
        std::int64_t stride;
    };
    std::vector<Source> sources(bucket.tables.size());
    for (std::int64_t entry = 0; entry < message.size; ++entry) {
        for (std::size_t i = 0; i < message.scope.size(); ++i) {
            const auto variable = static_cast<std::size_t>(message.scope[i]);
            at[variable] = static_cast<int>(entry / message.strides[i] % sizes_[variable]);
        }
        at[static_cast<std::size_t>(step.variable)] = 0;
        for (std::size_t t = 0; t < sources.size(); ++t) {
            const Table& table = tables_[static_cast<std::size_t>(bucket.tables[t])];
            const auto position = std::ranges::find(table.scope, step.variable);
            sources[t] = {
                values.tables[static_cast<std::size_t>(bucket.tables[t])].data() +
                    index_of(bucket.tables[t], at),
                table.strides[static_cast<std::size_t>(position - table.scope.begin())]};
        }
        double best = kInfinity;
        for (int value = 0; value < size; ++value) {
            double sum = 0.0;
            for (const Source& source : sources) sum += source.base[value * source.stride];
            best = std::min(best, sum);
        }
        out[static_cast<std::size_t>(entry)] = best;
    }
}

AssignmentProblem::Values AssignmentProblem::eliminate(const Usage& weights) const {
    Values values;
    values.tables.resize(tables_.size());
    for (std::size_t f = 0; f < factors_.size(); ++f) {
        const Factor& factor = factors_[f];
        std::vector<double>& table = values.tables[f];
        table.assign(factor.first.size() - 1, kInfinity);
        for (std::size_t entry = 0; entry < table.size(); ++entry) {
            for (int a = factor.first[entry]; a < factor.first[entry + 1]; ++a) {
                table[entry] = std::min(
                    table[entry], dot(weights, factor.alternatives[static_cast<std::size_t>(a)]));
            }
        }
    }
    for (const Step& step : steps_) {
        for (const Bucket& bucket : step.buckets) {
            fill_message(step, bucket, values);
            if (tables_[static_cast<std::size_t>(bucket.message)].scope.empty())
                values.root += values.tables[static_cast<std::size_t>(bucket.message)].front();
        }
    }
    return values;
}

std::optional<Assignment> AssignmentProblem::cheapest(const Usage& weights) const {
    const Values values = eliminate(weights);
    if (values.root == kInfinity) return std::nullopt;
    Assignment result;
    result.values.assign(sizes_.size(), 0);
    for (std::size_t s = steps_.size(); s-- > 0;) {
        const Step& step = steps_[s];
        int& value = result.values[static_cast<std::size_t>(step.variable)];
        double best = kInfinity;
        int best_value = 0;
        for (value = 0; value < sizes_[static_cast<std::size_t>(step.variable)]; ++value) {
            double sum = 0.0;
            for (const Bucket& bucket : step.buckets) {
                for (const int table : bucket.tables) {
                    sum += values.tables[static_cast<std::size_t>(table)][static_cast<std::size_t>(
                        index_of(table, result.values))];
                }
            }
            if (sum >= best) continue;
            best = sum;
            best_value = value;
        }
        if (best == kInfinity) return std::nullopt;  // split tables may promise too much
        value = best_value;
    }
    result.picks.assign(factors_.size(), 0);
    for (std::size_t f = 0; f < factors_.size(); ++f) {
        const Factor& factor = factors_[f];
        const auto entry =
            static_cast<std::size_t>(index_of(static_cast<int>(f), result.values));
        int best = factor.first[entry];
        const auto price = [&](int a) {
            return dot(weights, factor.alternatives[static_cast<std::size_t>(a)]);
        };
        for (int a = best; a < factor.first[entry + 1]; ++a) {
            if (price(a) < price(best)) best = a;
        }
        result.picks[f] = best;
        const Usage& usage = factor.alternatives[static_cast<std::size_t>(best)];
        for (std::size_t i = 0; i < kUsageKinds; ++i) result.usage[i] += usage[i];
    }
    return result;
}

Assignment AssignmentProblem::with_pick(Assignment assignment, int factor, int pick) const {
    const Factor& its = factors_[static_cast<std::size_t>(factor)];
    const auto after = std::ranges::upper_bound(its.first, pick);
    const std::int64_t entry = after - its.first.begin() - 1;
    const Table& table = tables_[static_cast<std::size_t>(factor)];
    for (std::size_t i = 0; i < table.scope.size(); ++i) {
        const auto variable = static_cast<std::size_t>(table.scope[i]);
        assignment.values[variable] = static_cast<int>(entry / table.strides[i] % sizes_[variable]);
    }
    assignment.usage = {};
    for (std::size_t f = 0; f < factors_.size(); ++f) {
        const auto at =
            static_cast<std::size_t>(index_of(static_cast<int>(f), assignment.values));
        if (static_cast<int>(f) == factor) {
            assignment.picks[f] = pick;
        } else if (factors_[f].first[at + 1] - factors_[f].first[at] == 1) {
            assignment.picks[f] = factors_[f].first[at];
        }
        const Usage& usage =
            factors_[f].alternatives[static_cast<std::size_t>(assignment.picks[f])];
        for (std::size_t i = 0; i < kUsageKinds; ++i) assignment.usage[i] += usage[i];
    }
    return assignment;
}

SearchResult AssignmentProblem::search(const SearchOptions& options) const {
    return BranchAndBound(*this, options).run();
}

}  // namespace qloom::hw
