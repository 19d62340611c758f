#include "hw/adder_count.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/diagnostic.h"

namespace qloom::hw {
namespace {

// Best ways to count n bits, by dynamic programming over n.
class Plans {
public:
    struct Plan {
        double luts = 0.0;
        double price = 0.0;     // with a little for depth, which decides between equals
        int depth = 0;
        std::size_t right = 0;  // bits of the right operand; 0: one table
        bool table = false;     // the right operand is part of the adder
        bool carry = false;
    };

    const Plan& of(std::size_t n) {
        while (plans_.size() <= n) plans_.push_back(best(plans_.size()));
        return plans_[n];
    }

private:
    static constexpr double kDepthPrice = 0.05;

    static double width(std::size_t n) { return static_cast<double>(std::bit_width(n)); }

    Plan best(std::size_t n) {
        if (n <= 6) {
            const double luts = n < 2 ? 0.0 : width(n);
            return {.luts = luts, .price = luts, .depth = n < 2 ? 0 : 1};
        }
        Plan best;
        best.price = 1e300;
        const auto consider = [&](std::size_t right, bool table, bool carry) {
            const std::size_t left = n - right - (carry ? 1 : 0);
            if (left < right) return;
            const Plan& a = plans_[left];
            // Every position of the longer operand takes a place in the carry chain.
            Plan plan{.luts = a.luts + width(left), .right = right, .table = table, .carry = carry};
            plan.depth = a.depth;
            double price = a.price + width(left);
            if (!table) {
                const Plan& b = plans_[right];
                plan.luts += b.luts;
                price += b.price;
                plan.depth = std::max(plan.depth, b.depth);
            }
            ++plan.depth;
            plan.price = price + kDepthPrice * plan.depth;
            if (plan.price < best.price - 1e-9) best = plan;
        };
        for (const bool carry : {true, false}) {
            for (std::size_t right = 1; right <= 5; ++right) consider(right, true, carry);
            for (std::size_t right = 3; 2 * right <= n; ++right) consider(right, false, carry);
        }
        return best;
    }

    std::vector<Plan> plans_;
};

// An inverted bit costs a LUT as a carry and nothing in a table: carries are taken from the others.
class Counter {
public:
    Counter(AdderGraph& graph, const std::vector<AdderBit>& bits) : graph_(graph) {
        std::size_t carries = carries_of(bits.size());
        for (const AdderBit bit : bits) {
            const bool is_carry = !bit.inverted && carries_.size() < carries;
            (is_carry ? carries_ : others_).push_back(bit);
        }
        while (carries_.size() < carries) carries_.push_back(taken(others_));
    }

    int count(std::size_t n) {
        const Plans::Plan plan = plans_.of(n);
        if (plan.right == 0) {
            std::vector<AdderBit> bits;
            while (bits.size() < n) bits.push_back(taken(others_));
            return graph_.count(std::move(bits));
        }
        const int left = count(n - plan.right - (plan.carry ? 1 : 0));
        const int right = count(plan.right);
        const AdderBit carry = plan.carry ? taken(carries_) : AdderBit{};
        return graph_.sum({left, 0, false}, {right, 0, false}, carry).node;
    }

private:
    std::size_t carries_of(std::size_t n) {
        const Plans::Plan plan = plans_.of(n);
        if (plan.right == 0) return 0;
        const std::size_t own = plan.carry ? 1 : 0;
        return own + carries_of(n - plan.right - own) + carries_of(plan.right);
    }
    static AdderBit taken(std::vector<AdderBit>& bits) {
        const AdderBit bit = bits.back();
        bits.pop_back();
        return bit;
    }

    AdderGraph& graph_;
    Plans plans_;
    std::vector<AdderBit> carries_;
    std::vector<AdderBit> others_;
};

}  // namespace

AdderTerm count_bits(AdderGraph& graph, const std::vector<AdderBit>& bits) {
    if (bits.empty()) return {};
    return {Counter(graph, bits).count(bits.size()), 0, false};
}

double count_luts(std::size_t bits) { return bits == 0 ? 0.0 : Plans().of(bits).luts; }

}  // namespace qloom::hw
