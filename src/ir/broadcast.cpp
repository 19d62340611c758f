#include "ir/broadcast.h"

#include <algorithm>

#include "base/diagnostic.h"

namespace qloom::ir {

std::optional<Shape> broadcast_shapes(const Shape& a, const Shape& b) {
    Shape result(std::max(a.size(), b.size()), 1);
    for (std::size_t i = 0; i < result.size(); ++i) {
        const std::int64_t left = i < a.size() ? a[a.size() - 1 - i] : 1;
        const std::int64_t right = i < b.size() ? b[b.size() - 1 - i] : 1;
        if (left != right && left != 1 && right != 1) {
            return std::nullopt;
        }
        result[result.size() - 1 - i] = left == 1 ? right : left;
    }
    return result;
}

bool broadcasts_into(const Shape& from, const Shape& to) {
    const std::optional<Shape> common = broadcast_shapes(from, to);
    return common.has_value() && *common == to;
}

BroadcastPlan::BroadcastPlan(const Shape& result, const std::vector<const Shape*>& operands)
    : strides_(operands.size()), steps_(operands.size(), 0) {
    // Strides of every operand over all result axes, 0 where it is spread.
    std::vector<std::vector<std::int64_t>> full(operands.size(), std::vector<std::int64_t>(result.size(), 0));
    for (std::size_t i = 0; i < operands.size(); ++i) {
        const Shape& shape = *operands[i];
        QLOOM_ASSERT(broadcasts_into(shape, result), "operands were checked to fit the result");
        std::int64_t stride = 1;
        for (std::size_t back = 0; back < shape.size(); ++back) {
            const std::int64_t size = shape[shape.size() - 1 - back];
            full[i][result.size() - 1 - back] = size == 1 ? 0 : stride;
            stride *= size;
        }
    }
    // Merge from the innermost axis outwards: axis a joins the group inside it when, for every operand, one step of
    // it equals the group's whole extent.
    std::vector<std::int64_t> sizes;                                              // innermost first
    std::vector<std::vector<std::int64_t>> merged(operands.size());               // same order
    for (std::size_t axis = result.size(); axis-- > 0;) {
        if (result[axis] == 1) {
            continue;
        }
        bool joins = !sizes.empty();
        for (std::size_t i = 0; joins && i < operands.size(); ++i) {
            joins = full[i][axis] == merged[i].back() * sizes.back();
        }
        if (joins) {
            sizes.back() *= result[axis];
        } else {
            sizes.push_back(result[axis]);
            for (std::size_t i = 0; i < operands.size(); ++i) {
                merged[i].push_back(full[i][axis]);
            }
        }
    }
    if (!sizes.empty()) {
        row_length_ = sizes.front();
        for (std::size_t i = 0; i < operands.size(); ++i) {
            steps_[i] = merged[i].front();
            strides_[i].assign(merged[i].rbegin(), merged[i].rend() - 1);
        }
        outer_.assign(sizes.rbegin(), sizes.rend() - 1);
        for (const std::int64_t size : outer_) {
            rows_ *= size;
        }
        if (row_length_ == 0) {
            rows_ = 0;
        }
    }
}

}  // namespace qloom::ir
