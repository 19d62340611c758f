#pragma once

#include <cstdint>
#include <vector>

#include "hw/assignment.h"

// The search behind AssignmentProblem::search.
namespace qloom::hw {

class BranchAndBound {
public:
    BranchAndBound(const AssignmentProblem& problem, const SearchOptions& options)
        : problem_(problem), options_(options) {}

    SearchResult run();

private:
    using Values = AssignmentProblem::Values;
    // One relaxation: what the rest of a partial assignment uses at least, by these weights.
    struct Bound {
        Usage weights;
        Values values;
        double limit;            // a partial assignment whose bound is above it is given up;
        bool is_price;           // for a price: the incumbent's, plus `offset`
        double offset = 0.0;     // (weights - options.weights) * budgets
    };

    [[nodiscard]] bool keeps_budgets(const Usage& usage) const;
    [[nodiscard]] double excess(const Usage& usage) const;
    void offer(const Assignment& assignment);
    void raise_prices();
    void try_weights(const Usage& weights);
    void sharpen(std::size_t kind);
    void add_bound(const Usage& weights, double limit, bool is_price);
    [[nodiscard]] bool is_pruned(const std::vector<double>& bounds) const;
    void descend(std::size_t step, const std::vector<double>& bounds);
    void pick(std::size_t step, std::size_t factor, const std::vector<double>& bounds);
    [[nodiscard]] bool is_over() const;
    [[nodiscard]] bool is_settled() const;

    const AssignmentProblem& problem_;
    const SearchOptions& options_;
    SearchResult result_;
    double closest_excess_ = 0.0;
    bool is_impossible_ = false;  // proven: nothing keeps the budgets
    Usage best_weights_ = {};
    std::vector<Bound> bounds_;
    std::vector<std::vector<int>> factors_of_step_;
    Assignment partial_;
    std::int64_t nodes_ = 0;
    std::int64_t surcharges_ = 0;
};

}  // namespace qloom::hw
