#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <vector>

// The cheapest of all assignments: a value for every variable, and in every factor one of the
// alternatives that it offers for the values of its variables. What they use are vectors, and add
// up. Nothing here knows hardware: folding is put in these terms by hw/fold_problem.h.
namespace qloom::hw {

constexpr std::size_t kUsageKinds = 4;
using Usage = std::array<double, kUsageKinds>;  // LUTs, flip-flops, block RAMs, DSPs

double dot(const Usage& weights, const Usage& usage);
constexpr Usage kNoLimit = {
    std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity(),
    std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};

struct Factor {
    std::vector<int> scope;         // one or two variables
    std::vector<int> first;         // entry e has the alternatives first[e] .. first[e + 1] - 1;
                                    // none: that pair of values is not allowed
    std::vector<Usage> alternatives;
    // Entry of the values (a, b): a * size of the second variable + b.
};

struct Assignment {
    std::vector<int> values;  // one a variable
    std::vector<int> picks;   // one a factor: index into its alternatives
    Usage usage = {};
};

struct SearchOptions {
    Usage weights = {};         // what is minimised: weights * usage
    Usage budgets = kNoLimit;   // usage <= budgets
    std::int64_t most_nodes = 400'000;
    // What an assignment costs beside weights * usage (>= 0), or nothing where it is refused.
    std::function<std::optional<double>(const Assignment&)> surcharge = {};
    std::int64_t most_surcharges = 64;
    bool any = false;  // the first that keeps the budgets will do
};

struct SearchResult {
    std::optional<Assignment> best;  // nothing: no assignment keeps the budgets, or none was found
    double price = std::numeric_limits<double>::infinity();  // of `best`, surcharge included
    double lower_bound = 0.0;  // no assignment that keeps the budgets is cheaper
    bool is_proven = false;    // nothing is cheaper than `best`; without one: there is none
    // Where nothing keeps the budgets: the assignment that exceeds them least, as far as looked.
    std::optional<Assignment> closest;
    Usage prices = {};  // the weights, raised where a budget binds
};

// Variable elimination gives the minimum without budgets exactly, in time that grows with the
// widest set of variables that meet (two or three in chains and networks whose branches join).
// With budgets, Lagrange multipliers raise the price of what is short, and a depth-first branch and
// bound goes through the variables in reverse; the tables of the elimination are its bounds. Where a
// table would be too large it is split (mini-buckets): the bound is then weaker, never wrong.
// Ref: R. Dechter, Bucket elimination (1999); Dechter and Rish, Mini-buckets (2003);
//      M. L. Fisher, The Lagrangian relaxation method (1981).
class AssignmentProblem {
public:
    int add_variable(int size);
    int add_factor(Factor factor);
    // Once, after everything is added.
    void prepare(std::int64_t most_entries = 2'000'000);

    // The minimum of weights * usage; nothing where no assignment is allowed. Exact unless a table
    // was split.
    [[nodiscard]] std::optional<Assignment> cheapest(const Usage& weights) const;
    [[nodiscard]] const Factor& factor(int index) const {
        return factors_[static_cast<std::size_t>(index)];
    }
    // The assignment with another alternative of one factor, and with the values that it stands
    // for. Requires: factors that share its variables offer one alternative an entry.
    [[nodiscard]] Assignment with_pick(Assignment assignment, int factor, int pick) const;
    [[nodiscard]] bool is_exact() const { return is_exact_; }
    [[nodiscard]] SearchResult search(const SearchOptions& options) const;

private:
    friend class BranchAndBound;
    // A table over some variables: an original factor, or a message.
    struct Table {
        std::vector<int> scope;
        std::vector<std::int64_t> strides;
        std::int64_t size = 1;
    };
    struct Bucket {
        std::vector<int> tables;  // that hold the variable
        int message = -1;         // the table it makes
    };
    struct Step {
        int variable = 0;
        std::vector<Bucket> buckets;
    };
    // The numbers of all tables for one vector of weights.
    struct Values {
        std::vector<std::vector<double>> tables;
        double root = 0.0;  // messages without variables, added
    };

    [[nodiscard]] Values eliminate(const Usage& weights) const;
    void fill_message(const Step& step, const Bucket& bucket, Values& values) const;
    [[nodiscard]] std::int64_t index_of(int table, const std::vector<int>& values) const;
    [[nodiscard]] std::vector<int> elimination_order() const;

    std::vector<int> sizes_;
    std::vector<Factor> factors_;
    std::vector<Table> tables_;  // the factors first
    std::vector<Step> steps_;
    bool is_exact_ = true;
};

}  // namespace qloom::hw
