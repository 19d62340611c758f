#include "ir/frames.h"

#include <algorithm>

#include "ir/infer_node.h"

namespace qloom::ir {
namespace {

class NodeCheck {
public:
    NodeCheck(const Graph& graph, const Node& node, const std::vector<bool>& depends,
              const std::vector<const Value*>& constants)
        : graph_(graph), node_(node), depends_(depends), constants_(constants) {}

    [[nodiscard]] bool framed(std::size_t i) const {
        return i < node_.inputs.size() && node_.inputs[i] != TensorId::kNone && depends_[index_of(node_.inputs[i])];
    }
    [[nodiscard]] const Shape& shape(std::size_t i) const { return *graph_.tensor(node_.inputs[i]).shape; }
    [[nodiscard]] std::int64_t rank(std::size_t i) const { return static_cast<std::int64_t>(shape(i).size()); }
    [[nodiscard]] bool present(std::size_t i) const {
        return i < node_.inputs.size() && node_.inputs[i] != TensorId::kNone;
    }

    // Only the first input carries frames.
    [[nodiscard]] bool only_first() const {
        for (std::size_t i = 1; i < node_.inputs.size(); ++i) {
            if (framed(i)) {
                return false;
            }
        }
        return framed(0);
    }
    // Operands that broadcast: those with frames have one rank, the others do not reach axis 0 with more than 1.
    [[nodiscard]] bool broadcasts() const {
        std::int64_t frame_rank = -1;
        for (std::size_t i = 0; i < node_.inputs.size(); ++i) {
            if (framed(i)) {
                if (frame_rank >= 0 && frame_rank != rank(i)) {
                    return false;
                }
                frame_rank = rank(i);
            }
        }
        for (std::size_t i = 0; i < node_.inputs.size(); ++i) {
            if (present(i) && !framed(i) && (rank(i) > frame_rank || (rank(i) == frame_rank && shape(i)[0] != 1))) {
                return false;
            }
        }
        return true;
    }
    [[nodiscard]] bool not_axis_zero(std::int64_t axis, std::size_t i = 0) const {
        return (axis < 0 ? axis + rank(i) : axis) != 0;
    }
    // The constant integers of input i all name an axis other than 0; false when there are none.
    [[nodiscard]] bool axes_spare_zero(std::size_t i) const {
        if (!present(i)) {
            return false;
        }
        const Value* value = constants_[index_of(node_.inputs[i])];
        const auto* axes = value == nullptr ? nullptr : std::get_if<Tensor<std::int64_t>>(value);
        return axes != nullptr && !axes->empty() &&
               std::ranges::all_of(axes->values(), [this](std::int64_t axis) { return not_axis_zero(axis); });
    }
    [[nodiscard]] std::vector<std::int64_t> integers(std::size_t i) const {
        const Value* value = present(i) ? constants_[index_of(node_.inputs[i])] : nullptr;
        const auto* ints = value == nullptr ? nullptr : std::get_if<Tensor<std::int64_t>>(value);
        return ints == nullptr ? std::vector<std::int64_t>{} : ints->values();
    }

    [[nodiscard]] bool matmul() const {
        if (framed(0) && framed(1)) {
            return rank(0) == rank(1) && rank(0) >= 3;
        }
        if (framed(0)) {
            return rank(0) >= 2 && (rank(1) <= 2 || rank(1) < rank(0) || (rank(1) == rank(0) && shape(1)[0] == 1));
        }
        return rank(1) >= 3 && (rank(0) <= 2 || rank(0) < rank(1) || (rank(0) == rank(1) && shape(0)[0] == 1));
    }
    [[nodiscard]] bool gemm(const Gemm& op) const {
        const bool addend = !present(2) || (!framed(2) && (rank(2) < 2 || shape(2)[0] == 1));
        return framed(0) && !framed(1) && !op.trans_a && addend;
    }
    [[nodiscard]] bool slice() const {
        if (present(3)) {
            return only_first() && axes_spare_zero(3);
        }
        return false;
    }
    [[nodiscard]] bool pad() const {
        const std::vector<std::int64_t> pads = integers(1);
        return only_first() && !pads.empty() && pads.front() == 0 && pads[pads.size() / 2] == 0;
    }
    [[nodiscard]] bool concat(const Concat& op) const {
        for (std::size_t i = 0; i < node_.inputs.size(); ++i) {
            if (!framed(i)) {
                return false;
            }
        }
        return not_axis_zero(op.axis);
    }

    [[nodiscard]] bool ok() const {
        return std::visit(
            Overloaded{
                [&](const Quant&) { return only_first() && broadcasts(); },
                [&](const BipolarQuant&) { return only_first() && broadcasts(); },
                [&](const Trunc&) { return only_first() && broadcasts(); },
                [&](const MultiThreshold&) { return only_first() && rank(0) >= 2; },
                [&](const QuantizeLinear& o) { return only_first() && not_axis_zero(o.axis); },
                [&](const DequantizeLinear& o) { return only_first() && not_axis_zero(o.axis); },
                [&](const MatMul&) { return matmul(); },
                [&](const Gemm& o) { return gemm(o); },
                [&](const XnorPopcountMatMul&) { return framed(0) && !framed(1) && matmul(); },
                [&](const Conv&) { return only_first(); },
                [&](const ConvTranspose&) { return only_first(); },
                [&](const BatchNormalization&) { return only_first() && rank(0) >= 2; },
                [&](const MaxPool&) { return true; },
                [&](const AveragePool&) { return true; },
                [&](const GlobalAveragePool&) { return true; },
                [&](const GlobalMaxPool&) { return true; },
                [&](const QuantAvgPool2d&) { return true; },
                [&](const Im2Col&) { return true; },
                [&](const Unary&) { return true; },
                [&](const Parametric&) { return true; },
                [&](const Clip&) { return only_first(); },
                [&](const PRelu&) { return only_first() && broadcasts(); },
                [&](const Binary&) { return broadcasts(); },
                // Pure changes of shape: the executor gives the result its own frames.
                [&](const Reshape&) { return only_first(); },
                [&](const Flatten&) { return true; },
                [&](const Squeeze&) { return only_first(); },
                [&](const Unsqueeze&) { return only_first(); },
                [&](const Transpose& o) { return !o.perm.empty() && o.perm[0] == 0; },
                [&](const Concat& o) { return concat(o); },
                [&](const Split& o) { return only_first() && not_axis_zero(o.axis); },
                [&](const Slice&) { return slice(); },
                [&](const Gather& o) { return only_first() && not_axis_zero(o.axis); },
                [&](const Pad&) { return pad(); },
                // Frames are not spatial: sizes or scales of axis 0 other than 1 show in the result's shape.
                [&](const Resize&) { return only_first() && !present(3); },
                [&](const DepthToSpace&) { return true; },
                [&](const SpaceToDepth&) { return true; },
                [&](const ShapeOf&) { return false; },
                [&](const ConstantOfShape&) { return false; },
                [&](const Cast&) { return true; },
                [&](const Expand&) { return false; },
                [&](const Dropout&) { return true; },
                [&](const Reduce&) { return only_first() && axes_spare_zero(1); },
                [&](const Softmax& o) { return not_axis_zero(o.axis); },
                [&](const TopK& o) { return only_first() && not_axis_zero(o.axis); },
                [&](const ArgMax& o) { return not_axis_zero(o.axis); },
            },
            node_.op);
    }

private:
    const Graph& graph_;
    const Node& node_;
    const std::vector<bool>& depends_;
    const std::vector<const Value*>& constants_;
};

}  // namespace

std::string why_not_frame_batchable(const Graph& graph, const std::vector<bool>& depends,
                                    const std::vector<const Value*>& constants) {
    auto one_frame = [&](TensorId id) {
        const std::optional<Shape>& shape = graph.tensor(id).shape;
        return shape && !shape->empty() && shape->front() == 1;
    };
    for (const TensorId id : graph.inputs()) {
        if (!one_frame(id)) {
            return "input " + graph.tensor(id).name + " has no frame axis of size 1";
        }
    }
    for (const Node& node : graph.nodes()) {
        const bool framed = std::ranges::any_of(node.outputs, [&](TensorId id) {
            return id != TensorId::kNone && depends[index_of(id)];
        });
        if (!framed) {
            continue;
        }
        if (!NodeCheck(graph, node, depends, constants).ok()) {
            return node_text(node) + " mixes frames";
        }
        for (const TensorId id : node.outputs) {
            if (id != TensorId::kNone && !one_frame(id)) {
                return node_text(node) + " has a result without a frame axis of size 1";
            }
        }
    }
    return "";
}

}  // namespace qloom::ir
