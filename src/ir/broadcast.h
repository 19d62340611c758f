#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/tensor.h"

namespace qloom::ir {

// The numpy result shape of two operands, or nothing when they do not fit.
//   [2, 1, 4] with [3, 1] -> [2, 3, 4]      [2] with [3] -> nothing
std::optional<Shape> broadcast_shapes(const Shape& a, const Shape& b);

// True when an operand of shape `from` can be spread over `to` without making `to` larger.
bool broadcasts_into(const Shape& from, const Shape& to);

// How N operands are walked together over a common result shape: rows along the innermost axis, neighbouring axes
// merged wherever all operands allow, so that "same shape" and "one scalar" are a single row.
class BroadcastPlan {
public:
    BroadcastPlan(const Shape& result, const std::vector<const Shape*>& operands);

    [[nodiscard]] std::int64_t row_length() const { return row_length_; }
    // Step of an operand along a row: 1 or 0 (or another stride when the innermost axis is broadcast elsewhere).
    [[nodiscard]] std::int64_t row_step(std::size_t operand) const { return steps_[operand]; }

    // Calls visit(result_offset, operand_offsets) for every row in order.
    template <class Visit>
    void for_each_row(Visit visit) const {
        std::vector<std::int64_t> offsets(steps_.size(), 0);
        std::vector<std::int64_t> position(outer_.size(), 0);
        for (std::int64_t row = 0; row < rows_; ++row) {
            visit(row * row_length_, offsets);
            for (std::size_t axis = outer_.size(); axis-- > 0;) {
                for (std::size_t i = 0; i < offsets.size(); ++i) {
                    offsets[i] += strides_[i][axis];
                }
                if (++position[axis] < outer_[axis]) {
                    break;
                }
                for (std::size_t i = 0; i < offsets.size(); ++i) {
                    offsets[i] -= strides_[i][axis] * outer_[axis];
                }
                position[axis] = 0;
            }
        }
    }

private:
    std::vector<std::int64_t> outer_;                 // sizes of the axes outside the row
    std::vector<std::vector<std::int64_t>> strides_;  // per operand, over the outer axes
    std::vector<std::int64_t> steps_;                 // per operand, along the row
    std::int64_t rows_ = 1;
    std::int64_t row_length_ = 1;
};

}  // namespace qloom::ir
