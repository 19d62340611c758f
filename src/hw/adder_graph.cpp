#include "hw/adder_graph.h"

#include <algorithm>
#include <utility>

#include "base/diagnostic.h"

namespace qloom::hw {
namespace {

Range plus(Range a, Range b) { return {a.lo + b.lo, a.hi + b.hi}; }
Range negated(Range r) { return {-r.hi, -r.lo}; }
Range scaled(Range r, int shift) {
    const std::int64_t factor = std::int64_t{1} << shift;
    return {r.lo * factor, r.hi * factor};
}
Range intersected(Range a, Range b) { return {std::max(a.lo, b.lo), std::min(a.hi, b.hi)}; }

}  // namespace

AdderGraph::AdderGraph(std::int64_t inputs, IntType type, Range range) : inputs_(inputs) {
    nodes_.resize(static_cast<std::size_t>(inputs));
    for (std::int64_t i = 0; i < inputs; ++i) {
        AdderNode& node = nodes_[static_cast<std::size_t>(i)];
        node.input = static_cast<int>(i);
        node.type = type;
        node.range = range;
    }
}

int AdderGraph::count(std::vector<AdderBit> bits) {
    QLOOM_ASSERT(!bits.empty() && bits.size() <= 6, "a count has one to six bits");
    AdderNode made;
    made.kind = AdderNode::Kind::kCount;
    made.range = {0, static_cast<std::int64_t>(bits.size())};
    made.type = IntType::smallest(made.range);
    for (const AdderBit bit : bits) made.depth = std::max(made.depth, node(bit.node).depth);
    if (bits.size() > 1) ++made.depth;
    made.bits = std::move(bits);
    nodes_.push_back(std::move(made));
    return static_cast<int>(nodes_.size()) - 1;
}

Range AdderGraph::range_of(AdderTerm term) const {
    if (term.is_zero()) return {0, 0};
    const Range range = scaled(node(term.node).range, term.shift);
    return term.negative ? negated(range) : range;
}

AdderTerm AdderGraph::sum(AdderTerm a, AdderTerm b, AdderBit carry, const Range* range) {
    QLOOM_ASSERT(!a.is_zero() && !b.is_zero(), "a sum has two operands");
    Range total = plus(range_of(a), range_of(b));
    if (carry.node >= 0) ++total.hi;
    if (range != nullptr) total = intersected(total, *range);
    // The operand with fewer zeros below is the left one, and positive; with equal shifts a
    // positive one is.
    if (a.shift > b.shift || (a.shift == b.shift && a.negative && !b.negative)) std::swap(a, b);
    QLOOM_ASSERT(carry.node < 0 || (a.shift == 0 && b.shift == 0 && !a.negative),
                 "a carry joins at the lowest bit");
    const bool flipped = a.negative;
    AdderNode made;
    made.kind = AdderNode::Kind::kSum;
    made.left = a.node;
    made.right = b.node;
    made.shift = b.shift - a.shift;
    made.subtracts = a.negative != b.negative;
    made.carry = carry;
    QLOOM_ASSERT(!(made.subtracts && carry.node >= 0), "a difference has no carry to give away");
    if (flipped) total = negated(total);
    made.range = {total.lo >> a.shift, total.hi >> a.shift};
    made.type = IntType::smallest(made.range);
    made.depth = std::max(node(a.node).depth, node(b.node).depth);
    // A count of up to five bits is part of the adder.
    const AdderNode& right = node(b.node);
    const bool merges = right.kind == AdderNode::Kind::kCount && right.bits.size() <= 5 &&
                        made.shift == 0 && !made.subtracts && right.depth > 0;
    if (merges) made.depth = std::max(node(a.node).depth, right.depth - 1);
    if (carry.node >= 0) made.depth = std::max(made.depth, node(carry.node).depth);
    ++made.depth;
    nodes_.push_back(std::move(made));
    return {static_cast<int>(nodes_.size()) - 1, a.shift, flipped};
}

AdderTerm AdderGraph::sum_of(AdderTerm a, AdderTerm b) {
    if (a.is_zero()) return b;
    if (b.is_zero()) return a;
    return sum(a, b);
}

double AdderGraph::sum_luts(AdderTerm a, AdderTerm b) const {
    if (a.shift > b.shift || (a.shift == b.shift && a.negative && !b.negative)) std::swap(a, b);
    const int shift = b.shift - a.shift;
    const bool subtracts = a.negative != b.negative;
    const IntType left = node(a.node).type;
    const IntType right = node(b.node).type;
    const int left_bits = std::max(left.bits - shift, left.is_signed ? 1 : 0);
    const int common = std::min(left_bits, right.bits);
    double luts = common;
    // Above the shorter operand stand its sign bits, or zeros: then the other passes.
    if (left_bits < right.bits) {
        if (left.is_signed || subtracts) luts += right.bits - left_bits;
    } else if (left_bits > right.bits) {
        if (right.is_signed || subtracts) luts += left_bits - right.bits;
    }
    return luts;
}

double node_luts(const AdderGraph& graph, const AdderNode& node) {
    switch (node.kind) {
        case AdderNode::Kind::kInput:
            return 0.0;
        case AdderNode::Kind::kCount:
            return node.bits.size() < 2 ? 0.0 : static_cast<double>(node.type.bits);
        case AdderNode::Kind::kSum:
            return graph.sum_luts({node.left, 0, false}, {node.right, node.shift, node.subtracts});
    }
    return 0.0;
}

std::vector<bool> AdderGraph::merged_counts() const {
    std::vector<int> readers(nodes_.size(), 0);
    std::vector<bool> merges(nodes_.size(), false);
    for (const AdderNode& node : nodes_) {
        if (node.kind != AdderNode::Kind::kSum) continue;
        ++readers[static_cast<std::size_t>(node.left)];
        ++readers[static_cast<std::size_t>(node.right)];
        const AdderNode& right = this->node(node.right);
        if (right.kind == AdderNode::Kind::kCount && right.bits.size() <= 5 && node.shift == 0 &&
            !node.subtracts) {
            merges[static_cast<std::size_t>(node.right)] = true;
        }
    }
    for (const AdderResult& result : results) {
        if (!result.term.is_zero()) ++readers[static_cast<std::size_t>(result.term.node)];
    }
    for (std::size_t i = 0; i < nodes_.size(); ++i) merges[i] = merges[i] && readers[i] == 1;
    return merges;
}

double AdderGraph::luts() const {
    const std::vector<bool> merged = merged_counts();
    double total = 0.0;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        if (!merged[i]) total += node_luts(*this, nodes_[i]);
    }
    return total;
}

void AdderGraph::remove_unused() {
    std::vector<bool> used(nodes_.size(), false);
    const auto use = [&](int id) {
        if (id >= 0) used[static_cast<std::size_t>(id)] = true;
    };
    for (const AdderResult& result : results) use(result.term.node);
    for (std::int64_t i = 0; i < inputs_; ++i) use(static_cast<int>(i));
    for (std::size_t i = nodes_.size(); i-- > 0;) {
        if (!used[i]) continue;
        const AdderNode& node = nodes_[i];
        if (node.kind == AdderNode::Kind::kSum) {
            use(node.left);
            use(node.right);
            use(node.carry.node);
        }
        for (const AdderBit bit : node.bits) use(bit.node);
    }
    std::vector<int> renamed(nodes_.size(), -1);
    std::vector<AdderNode> kept;
    const auto rename = [&](int& id) {
        if (id >= 0) id = renamed[static_cast<std::size_t>(id)];
    };
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        if (!used[i]) continue;
        renamed[i] = static_cast<int>(kept.size());
        AdderNode node = std::move(nodes_[i]);
        rename(node.left);
        rename(node.right);
        rename(node.carry.node);
        for (AdderBit& bit : node.bits) rename(bit.node);
        kept.push_back(std::move(node));
    }
    for (AdderResult& result : results) rename(result.term.node);
    nodes_ = std::move(kept);
}

std::vector<std::int64_t> AdderGraph::evaluate(std::span<const std::int64_t> x) const {
    std::vector<std::int64_t> value(nodes_.size(), 0);
    const auto at = [&](int id) { return value[static_cast<std::size_t>(id)]; };
    const auto bit_of = [&](AdderBit bit) {
        return ((at(bit.node) >> bit.bit) & 1) ^ (bit.inverted ? 1 : 0);
    };
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        const AdderNode& node = nodes_[i];
        switch (node.kind) {
            case AdderNode::Kind::kInput:
                value[i] = x[static_cast<std::size_t>(node.input)];
                break;
            case AdderNode::Kind::kCount:
                for (const AdderBit bit : node.bits) value[i] += bit_of(bit);
                break;
            case AdderNode::Kind::kSum: {
                const std::int64_t right = at(node.right) * (std::int64_t{1} << node.shift);
                value[i] = at(node.left) + (node.subtracts ? -right : right) +
                           (node.carry.node < 0 ? 0 : bit_of(node.carry));
                break;
            }
        }
        QLOOM_ASSERT(node.range.contains(value[i]), "a node stays within its bounds");
    }
    std::vector<std::int64_t> y;
    for (const AdderResult& result : results) {
        std::int64_t term = 0;
        if (!result.term.is_zero()) {
            term = at(result.term.node) * (std::int64_t{1} << result.term.shift);
        }
        y.push_back((result.term.negative ? -term : term) + result.offset);
    }
    return y;
}

}  // namespace qloom::hw
