// Standard operators that move, cut and join data, and constants.
#include "base/diagnostic.h"
#include "onnx/node_reader.h"
#include "onnx/tensor_proto.h"

namespace qloom::onnx {
namespace {

Tensor<std::int64_t> list(std::vector<std::int64_t> values) {
    const auto count = static_cast<std::int64_t>(values.size());
    return {Shape{count}, std::move(values)};
}

// An attribute of an old opset as input `input`.
void attribute_to_input(NodeReader& node, const std::string& attribute, std::size_t input) {
    if (node.has(attribute)) {
        node.set_input(input, attribute, list(node.integers(attribute)));
    }
}

void reshape(NodeReader& node) {
    attribute_to_input(node, "shape", 1);
    node.emit(ir::Reshape{.allow_zero = node.flag("allowzero", false)});
}

void flatten(NodeReader& node) { node.emit(ir::Flatten{.axis = node.integer("axis", 1)}); }
void transpose(NodeReader& node) { node.emit(ir::Transpose{.perm = node.integers("perm")}); }

void squeeze(NodeReader& node) {
    attribute_to_input(node, "axes", 1);
    node.emit(ir::Squeeze{});
}

void unsqueeze(NodeReader& node) {
    attribute_to_input(node, "axes", 1);
    node.emit(ir::Unsqueeze{});
}

void concat(NodeReader& node) { node.emit(ir::Concat{.axis = node.integer("axis", 1)}); }

void split(NodeReader& node) {
    attribute_to_input(node, "split", 1);
    node.emit(ir::Split{.axis = node.integer("axis", 0)});
}

void slice(NodeReader& node) {
    attribute_to_input(node, "starts", 1);
    attribute_to_input(node, "ends", 2);
    attribute_to_input(node, "axes", 3);
    node.emit(ir::Slice{});
}

void gather(NodeReader& node) { node.emit(ir::Gather{.axis = node.integer("axis", 0)}); }

void pad(NodeReader& node) {
    ir::Pad op;
    const std::string mode = node.text("mode", "constant");
    if (mode == "reflect") {
        op.mode = ir::PadMode::kReflect;
    } else if (mode == "edge") {
        op.mode = ir::PadMode::kEdge;
    } else if (mode != "constant") {
        node.unsupported(fmt::format("mode '{}'", mode), "use constant, reflect or edge");
    }
    attribute_to_input(node, "pads", 1);
    if (node.has("value")) {
        node.set_input(2, "value", Tensor<float>(Shape{}, node.real("value", 0.0F)));
    }
    if (node.given(3)) {
        node.unsupported("it names the axes to pad", "export the model with pads for all axes");
    }
    node.emit(op);
}

void upsample(NodeReader& node) {
    if (node.has("scales")) {
        const std::vector<float> scales = node.reals("scales");
        node.inputs.resize(1, ir::TensorId::kNone);
        node.set_input(2, "scales", Tensor<float>({static_cast<std::int64_t>(scales.size())}, scales));
    } else if (node.given(1)) {
        node.inputs = {node.inputs[0], ir::TensorId::kNone, node.inputs[1]};
    }
    const std::string mode = node.text("mode", "nearest");
    node.emit(ir::Resize{.mode = mode == "bilinear" ? "linear" : mode,
                         .coordinate_transformation = "asymmetric",
                         .nearest_mode = "floor"});
}

void resize(NodeReader& node) {
    if (node.opset() < 11) {
        upsample(node);
        return;
    }
    if (node.has("axes")) {
        node.unsupported("it names the axes to resize", "export the model with scales for all axes");
    }
    if (node.flag("antialias", false)) {
        node.unsupported("it smooths (antialias)", "export it without antialias");
    }
    if (const std::string policy = node.text("keep_aspect_ratio_policy", "stretch"); policy != "stretch") {
        node.unsupported(fmt::format("keep_aspect_ratio_policy is '{}'", policy), "use stretch");
    }
    if (node.given(1)) {
        node.inputs[1] = ir::TensorId::kNone;  // the region of interest matters for tf_crop_and_resize alone
    }
    node.emit(ir::Resize{.mode = node.text("mode", "nearest"),
                         .coordinate_transformation = node.text("coordinate_transformation_mode", "half_pixel"),
                         .nearest_mode = node.text("nearest_mode", "round_prefer_floor")});
}

void depth_to_space(NodeReader& node) {
    node.emit(ir::DepthToSpace{.block_size = node.integer("blocksize", 0),
                               .column_row_depth = node.text("mode", "DCR") == "CRD"});
}

void space_to_depth(NodeReader& node) { node.emit(ir::SpaceToDepth{.block_size = node.integer("blocksize", 0)}); }

void shape(NodeReader& node) {
    if (node.has("start") || node.has("end")) {
        const ir::TensorId whole = node.emit_helper("all", ir::ShapeOf{}, node.inputs);
        node.inputs = {whole};
        node.set_input(1, "start", list({node.integer("start", 0)}));
        node.set_input(2, "end", list({node.integer("end", std::int64_t{1} << 40)}));
        node.emit(ir::Slice{});
        return;
    }
    node.emit(ir::ShapeOf{});
}

void constant_of_shape(NodeReader& node) {
    ir::ConstantOfShape op;
    if (node.has("value")) {
        const ir::Value value = read_tensor(node.tensor("value"), node.where());
        if (element_count(ir::shape_of(value)) != 1) {
            node.unsupported("its value is not one number", "export the model again");
        }
        op.is_int64 = std::holds_alternative<Tensor<std::int64_t>>(value);
        op.value = std::visit([](const auto& tensor) { return static_cast<float>(tensor[0]); }, value);
    }
    node.emit(op);
}

void expand(NodeReader& node) { node.emit(ir::Expand{}); }

}  // namespace

const ConvertTable& standard_movement() {
    static const ConvertTable kTable{
        {"Reshape", reshape},
        {"Flatten", flatten},
        {"Transpose", transpose},
        {"Squeeze", squeeze},
        {"Unsqueeze", unsqueeze},
        {"Concat", concat},
        {"Split", split},
        {"Slice", slice},
        {"Gather", gather},
        {"Pad", pad},
        {"Upsample", upsample},
        {"Resize", resize},
        {"DepthToSpace", depth_to_space},
        {"SpaceToDepth", space_to_depth},
        {"Shape", shape},
        {"ConstantOfShape", constant_of_shape},
        {"Expand", expand},
    };
    return kTable;
}

}  // namespace qloom::onnx
