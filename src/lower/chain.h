#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "lower/scaled_int.h"

namespace qloom::lower {

// Runs a chain on `rows` arbitrary vectors: `reals` is rows x channels in stream order (channels of the value's
// stream), the result likewise. Every operator runs in the reference executor's own float arithmetic.
std::vector<float> run_chain(const std::vector<ChainStep>& chain, std::vector<float> reals, std::int64_t channels);

// The float value at the anchor for integers of a single-term base: `integers` is rows x channels.
std::vector<float> reals_of(const Affine& base, const std::vector<std::int64_t>& integers);

// Whether a node is elementwise in one data operand with every other operand constant along all axes but the channel's.
// Fills the step (constants must already be folded: `constant` returns the value of a tensor or nullptr).
enum class Direction { kConstant, kIncreasing, kDecreasing, kUnknown };

// Per channel, how the chain's output moves when its input grows: symbolic, from the operators and the signs of their
// constants. kUnknown where an operator is not monotone.
std::vector<Direction> directions(const std::vector<ChainStep>& chain, std::int64_t channels);

// The affine after one more elementwise step: nullopt when the operator is not affine. For `relu_as_identity`, Relu and
// Clip pass through.
std::optional<Affine> step_affine(const Affine& affine, const ChainStep& step, bool relu_as_identity);

// One number a channel (stream order) of a constant operand, or nullopt when it varies along another axis.
std::optional<std::vector<double>> channel_constant(const ir::Value& constant, const Layout& layout,
                                                    std::int64_t channels);

}  // namespace qloom::lower
