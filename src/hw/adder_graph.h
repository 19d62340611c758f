#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/int_type.h"

// A product with a constant matrix as additions: y = W x + offset, where every weight is wires.
// Nodes are integers with exact bounds. Three kinds are enough:
//   input   x[i]
//   count   how many of up to six bits are set; bits are those of other nodes, inverted or not
//   sum     left +/- (right << shift) + carry, carry a single bit that the adder takes for nothing
namespace qloom::hw {

// A bit of a node's two's complement.
struct AdderBit {
    int node = -1;
    int bit = 0;
    bool inverted = false;
    friend bool operator==(AdderBit, AdderBit) = default;
};

// +/- (node << shift); node < 0: zero.
struct AdderTerm {
    int node = -1;
    int shift = 0;
    bool negative = false;
    [[nodiscard]] bool is_zero() const { return node < 0; }
    [[nodiscard]] AdderTerm negated() const { return {node, shift, !negative}; }
    [[nodiscard]] AdderTerm shifted(int by) const { return {node, shift + by, negative}; }
    friend bool operator==(AdderTerm, AdderTerm) = default;
};

struct AdderNode {
    enum class Kind { kInput, kCount, kSum };
    Kind kind = Kind::kInput;
    int input = 0;               // kInput: which element
    std::vector<AdderBit> bits;  // kCount: 1 to 6
    int left = -1;               // kSum
    int right = -1;
    int shift = 0;
    bool subtracts = false;
    AdderBit carry;  // node < 0: none
    Range range;     // bounds of the value
    IntType type;    // of its wires
    int depth = 0;   // LUT levels from the inputs, adders counted as one
};

struct AdderResult {
    AdderTerm term;
    std::int64_t offset = 0;  // y = term + offset
};

class AdderGraph {
public:
    // Elements of `type` within `range`.
    AdderGraph(std::int64_t inputs, IntType type, Range range);

    // The node that counts the bits; one bit that is not inverted is still a node.
    int count(std::vector<AdderBit> bits);
    // a + b + carry; both not zero. `range`: bounds of the sum where the caller knows better ones
    // than the operands give. A carry needs equal shifts of 0.
    AdderTerm sum(AdderTerm a, AdderTerm b, AdderBit carry = {}, const Range* range = nullptr);
    // a + b, where either may be zero.
    AdderTerm sum_of(AdderTerm a, AdderTerm b);

    [[nodiscard]] const AdderNode& node(int id) const {
        return nodes_[static_cast<std::size_t>(id)];
    }
    [[nodiscard]] std::span<const AdderNode> nodes() const { return nodes_; }
    [[nodiscard]] int depth(AdderTerm term) const {
        return term.is_zero() ? 0 : node(term.node).depth;
    }
    [[nodiscard]] Range range_of(AdderTerm term) const;
    // The bit as a node's reader sees it: past the top of a signed node its sign, else zero.
    [[nodiscard]] std::int64_t input_count() const { return inputs_; }

    // LUTs that a sum of these two takes: positions of the adder where both operands are more than
    // a constant, or where one of them must be inverted.
    [[nodiscard]] double sum_luts(AdderTerm a, AdderTerm b) const;

    std::vector<AdderResult> results;

    // Drops what no result needs. Node ids change.
    void remove_unused();
    // What the results are for one vector of inputs: the meaning, for tests.
    [[nodiscard]] std::vector<std::int64_t> evaluate(std::span<const std::int64_t> x) const;
    // Whether a count is part of the adder that reads it: its only reader, not more than five bits.
    [[nodiscard]] std::vector<bool> merged_counts() const;
    // LUTs of all nodes.
    [[nodiscard]] double luts() const;

private:
    std::vector<AdderNode> nodes_;
    std::int64_t inputs_ = 0;
};

// LUTs of one node whose right operand may be a count that costs nothing of its own.
double node_luts(const AdderGraph& graph, const AdderNode& node);

}  // namespace qloom::hw
