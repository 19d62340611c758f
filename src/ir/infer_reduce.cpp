// Shapes of reductions and of the heads of classifiers.
#include "ir/infer_rules.h"

namespace qloom::ir::rules {

std::vector<std::int64_t> reduce_axes(const Inputs& in) {
    std::vector<std::int64_t> axes;
    if (in.has(1)) {
        axes = in.axes(in.integers(1, "axes"), in.rank(0));
    }
    if (axes.empty()) {
        for (std::int64_t axis = 0; axis < in.rank(0); ++axis) {
            axes.push_back(axis);
        }
    }
    return axes;
}

Results reduce(const Reduce& op, const Inputs& in) {
    const Shape& x = in.shape(0);
    std::vector<bool> gone(x.size(), false);
    for (const std::int64_t axis : reduce_axes(in)) {
        if (x[static_cast<std::size_t>(axis)] == 0) {
            in.mismatch(fmt::format("it reduces the empty axis {} of {}", axis, shape_text(x)), "give it a size");
        }
        gone[static_cast<std::size_t>(axis)] = true;
    }
    Shape result;
    for (std::size_t i = 0; i < x.size(); ++i) {
        if (!gone[i]) {
            result.push_back(x[i]);
        } else if (op.keep_dims) {
            result.push_back(1);
        }
    }
    return {{in[0].type, std::move(result), nullptr}};
}

Results softmax(const Softmax& op, const Inputs& in) {
    static_cast<void>(in.axis(op.axis, in.rank(0)));  // throws when it is outside
    return float_result(in.shape(0));
}

Results top_k(const TopK& op, const Inputs& in) {
    const auto axis = static_cast<std::size_t>(in.axis(op.axis, in.rank(0)));
    const std::vector<std::int64_t> k = in.integers(1, "k");
    const std::int64_t size = in.shape(0)[axis];
    if (k.size() != 1 || k[0] < 0 || k[0] > size) {
        in.bad_attribute(fmt::format("k is {} for an axis of {} values", shape_text(k), size),
                         fmt::format("give one number from 1 to {}", size));
    }
    Shape result = in.shape(0);
    result[axis] = k[0];
    return {{in[0].type, result, nullptr}, {ElementType::kInt64, result, nullptr}};
}

Results arg_max(const ArgMax& op, const Inputs& in) {
    const std::int64_t axis = in.axis(op.axis, in.rank(0));
    Shape result = in.shape(0);
    if (result[static_cast<std::size_t>(axis)] == 0) {
        in.mismatch(fmt::format("axis {} of {} is empty", axis, shape_text(result)), "give it a size");
    }
    if (op.keep_dims) {
        result[static_cast<std::size_t>(axis)] = 1;
    } else {
        result.erase(result.begin() + axis);
    }
    return {{ElementType::kInt64, std::move(result), nullptr}};
}

}  // namespace qloom::ir::rules
