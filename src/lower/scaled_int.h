#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/int_type.h"
#include "ir/graph.h"
#include "network/network.h"

// The values scaled-integer analysis works on. Arrays "per channel" are indexed by the stream's last axis.
namespace qloom::lower {

// One integer stream and its share of a real value: scale[c] * int[c].
struct Term {
    network::StreamId stream = network::StreamId::kNone;
    std::vector<double> scale;  // one a channel
};

// real[c] = sum_k terms[k].scale[c] * terms[k].stream[c] + bias[c].
struct Affine {
    std::vector<Term> terms;
    std::vector<double> bias;  // one a channel

    [[nodiscard]] std::int64_t channels() const { return static_cast<std::int64_t>(bias.size()); }
};

// How a model tensor (without its frame axis) sits on a stream.
//   axes[i] is the stream axis of logical axis i: {0} for (C); {2, 0, 1} for (C, H, W) on a stream (H, W, C).
//   order[k], for a flattened tensor, is the stream element of logical element k; empty means the same.
struct Layout {
    Shape logical;
    std::vector<int> axes;
    std::vector<std::int64_t> order;

    // The logical axis that runs over channels.
    [[nodiscard]] std::size_t channel_axis() const;
    // (C) or channels-first.
    [[nodiscard]] static Layout vector(std::int64_t channels);

    friend bool operator==(const Layout&, const Layout&) = default;
};

// Stream element k is logical element stream_order(layout)[k]; empty when the two orders are the same.
std::vector<std::int64_t> stream_order(const Layout& layout);

// One elementwise operator of a chain. Everything but its data operand is known; or, with `branches`, several operands are
// computed, each by a chain of its own from the value before the step: x * sigmoid(x).
struct ChainStep {
    const ir::Node* node = nullptr;
    std::vector<std::vector<ChainStep>> branches;     // per input, or none
    std::size_t data_input = 0;                       // which input carries the data
    std::vector<std::optional<ir::Value>> constants;  // per input; nullopt for the data and for absent inputs
    Layout layout;                                    // of the data at this node
    std::int64_t channels = 1;                        // channels of the stream layout at this node
};

// A model tensor in the integer domain: an affine view of integer streams at `anchor`, then elementwise operators.
struct Value {
    ir::TensorId anchor = ir::TensorId::kNone;
    Affine base;
    std::vector<ChainStep> chain;
    std::optional<Affine> affine;  // of this tensor, while every operator of the chain is affine
    // As `affine`, with Relu and Clip taken as identities: the slope a quantiser with many levels needs.
    std::optional<Affine> linear_core;
    Layout layout;
};

}  // namespace qloom::lower
