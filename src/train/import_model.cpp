#include "train/import_model.h"

#include <algorithm>

#include "base/codes/train.h"
#include "base/diagnostic.h"
#include "ir/infer_shapes.h"
#include "ir/window.h"
#include "train/import_weights.h"

namespace qloom::train {
namespace {

class Importer : public WeightImporter {
public:
    using WeightImporter::WeightImporter;

    ImportedModel run() {
        result_.name = graph_.name;
        if (graph_.inputs().size() != 1 || graph_.outputs().size() != 1) {
            throw Error(code::kImportUnsupported, graph_.name,
                        fmt::format("the model has {} inputs and {} outputs",
                                    graph_.inputs().size(), graph_.outputs().size()),
                        "a network that is trained has one of each");
        }
        read_input();
        for (const ir::Node& node : graph_.nodes()) {
            // Quantisers of constants are read with the layer that has them.
            const bool of_constant = ir::is_weight_quantiser(node.op) && !node.inputs.empty() &&
                                     graph_.is_constant(node.inputs[0]);
            if (!of_constant && !done_.contains(node.name)) {
                read(node);
            }
        }
        return std::move(result_);
    }

private:
    void read_input() {
        TensorId id = graph_.inputs()[0];
        result_.input.shape = frame_shape(id);
        result_.input.features = element_count(result_.input.shape);
        // Mul, Div, Add, Sub of constants as x * scale + offset.
        std::vector<double> scale{1.0};
        std::vector<double> offset{0.0};
        for (const ir::Node* node = only_reader(id); node != nullptr; node = only_reader(id)) {
            const auto* op = std::get_if<ir::Binary>(&node->op);
            if (op == nullptr || node->inputs[0] != id) {
                break;
            }
            const Tensor<float>* constant = floats(node->inputs[1]);
            const std::vector<float> values = constant == nullptr
                                                  ? std::vector<float>{}
                                                  : channel_values(*constant, result_.input.shape);
            if (values.empty() || !apply(op->kind, values, scale, offset)) {
                break;
            }
            done_.insert(node->name);
            id = node->outputs[0];
        }
        result_.input.scale = scale;
        result_.input.offset = offset;
        names_[id] = kInputName;
    }

    static bool apply(ir::BinaryKind kind, const std::vector<float>& values,
                      std::vector<double>& scale, std::vector<double>& offset) {
        const std::size_t size = std::max({values.size(), scale.size(), offset.size()});
        const auto at = [](const auto& list, std::size_t i) {
            return static_cast<double>(list[list.size() == 1 ? 0 : i]);
        };
        std::vector<double> new_scale;
        std::vector<double> new_offset;
        for (std::size_t i = 0; i < size; ++i) {
            const double v = at(values, i);
            const bool factor = kind == ir::BinaryKind::kMul || kind == ir::BinaryKind::kDiv;
            if (!factor && kind != ir::BinaryKind::kAdd && kind != ir::BinaryKind::kSub) {
                return false;
            }
            const double f = kind == ir::BinaryKind::kMul   ? v
                             : kind == ir::BinaryKind::kDiv ? 1.0 / v
                                                            : 1.0;
            const double added = kind == ir::BinaryKind::kAdd   ? v
                                 : kind == ir::BinaryKind::kSub ? -v
                                                                : 0.0;
            new_scale.push_back(at(scale, i) * f);
            new_offset.push_back(at(offset, i) * f + added);
        }
        const auto shorten = [](std::vector<double>& list) {
            if (std::ranges::all_of(list, [&](double v) { return v == list[0]; })) {
                list.resize(1);
            }
        };
        shorten(new_scale);
        shorten(new_offset);
        scale = new_scale;
        offset = new_offset;
        return true;
    }

    void read(const ir::Node& node) {
        std::visit(
            ir::Overloaded{
                [&](const ir::MatMul&) { read_weighted(node); },
                [&](const ir::Conv&) { read_weighted(node); },
                [&](const ir::ConvTranspose&) { read_weighted(node); },
                [&](const ir::BatchNormalization& op) { read_norm(node, op); },
                [&](const ir::Unary& op) { read_unary(node, op); },
                [&](const ir::Clip&) { read_clip(node); },
                [&](const ir::Quant&) {
                    read_quantiser(node, node, Activation::kIdentity, node.inputs[0]);
                },
                [&](const ir::BipolarQuant&) {
                    read_quantiser(node, node, Activation::kIdentity, node.inputs[0]);
                },
                [&](const ir::MaxPool& op) {
                    read_pool(node, PoolKind::kMax, op.window, op.channels_last);
                },
                [&](const ir::AveragePool& op) { read_average(node, op); },
                [&](const ir::GlobalAveragePool&) {
                    read_pool(node, PoolKind::kGlobalAverage, {}, false);
                },
                [&](const ir::GlobalMaxPool&) { read_pool(node, PoolKind::kGlobalMax, {}, false); },
                [&](const ir::Binary& op) { read_binary(node, op); },
                [&](const ir::Concat& op) { read_concat(node, op); },
                [&](const ir::Resize& op) { read_resize(node, op); },
                [&](const ir::Flatten&) { read_flatten(node); },
                [&](const ir::Reshape&) { read_flatten(node); },
                [&](const ir::Softmax&) { read_head(node); },
                [&](const ir::ArgMax&) { read_head(node); },
                [&](const ir::TopK&) { read_head(node); },
                [&](const auto&) { read_other(node); },
            },
            node.op);
    }

    void read_other(const ir::Node& node) {
        unsupported(node, "this operator is no layer that is trained here");
    }

    // What turns logits into a label is left to whoever reads the logits.
    void read_head(const ir::Node& node) {
        names_[node.outputs[0]] = from(node, node.inputs[0]);
        if (node.outputs.size() > 1 && node.outputs[1] != TensorId::kNone) {
            names_[node.outputs[1]] = names_[node.outputs[0]];
        }
        done_.insert(node.name);
    }

    // `start` is the activation or the quantiser itself; `last` the quantiser.
    void read_quantiser(const ir::Node& last, const ir::Node& start, Activation function,
                        TensorId input) {
        const Shape in = frame_shape(input);
        const Numbers numbers = numbers_of(last, in[0]);
        if (numbers.spec.type.bits > 16) {
            unsupported(last, fmt::format("activations of {} bits are not trained",
                                          numbers.spec.type.bits));
        }
        const std::string name = unique(start.name);
        keep_numbers(name, numbers, true);
        done_.insert(start.name);
        finish(last, name,
               ActivationSpec{.function = function, .channels = in[0], .quantiser = numbers.spec},
               {from(start, input)});
    }

    void read_activation(const ir::Node& node, Activation function) {
        const ir::Node* next = only_reader(node.outputs[0]);
        const bool quantised = next != nullptr && next->inputs[0] == node.outputs[0] &&
                               (std::holds_alternative<ir::Quant>(next->op) ||
                                std::holds_alternative<ir::BipolarQuant>(next->op));
        if (quantised) {
            return read_quantiser(*next, node, function, node.inputs[0]);
        }
        finish(node, node.name,
               ActivationSpec{.function = function,
                              .channels = frame_shape(node.inputs[0])[0],
                              .quantiser = std::nullopt},
               {from(node, node.inputs[0])});
    }

    void read_unary(const ir::Node& node, const ir::Unary& op) {
        switch (op.kind) {
            case ir::UnaryKind::kIdentity:
                return read_activation(node, Activation::kIdentity);
            case ir::UnaryKind::kRelu:
                return read_activation(node, Activation::kRelu);
            case ir::UnaryKind::kSigmoid:
                return read_activation(node, Activation::kSigmoid);
            case ir::UnaryKind::kTanh:
                return read_activation(node, Activation::kTanh);
            default:
                unsupported(node, "this operator is no layer that is trained here");
        }
    }

    void read_clip(const ir::Node& node) {
        if (node.inputs.size() != 3 || scalar(node, 1) != -1.0F || scalar(node, 2) != 1.0F) {
            unsupported(node, "only a clip to -1..1 (HardTanh) is trained");
        }
        read_activation(node, Activation::kHardTanh);
    }

    PoolSpec pool_of(const ir::Node& node, PoolKind kind, const ir::Window& window) const {
        const Shape in = frame_shape(node.inputs[0]);
        PoolSpec pool{.kind = kind, .axes = static_cast<int>(in.size()) - 1};
        if (pool.axes < 1 || pool.axes > 2) {
            unsupported(node, fmt::format("it has {} axes", pool.axes));
        }
        const Shape spatial(in.begin() + 1, in.end());
        if (kind == PoolKind::kGlobalMax || kind == PoolKind::kGlobalAverage) {
            pool.kernel = pair_of(spatial, 1, 1);
            pool.stride = pool.kernel;
            return pool;
        }
        const std::vector<ir::WindowAxis> axes =
            ir::resolve_window(node.name, window, spatial, window.kernel);
        for (std::size_t i = 0; i < axes.size(); ++i) {
            const std::size_t axis = 2 - axes.size() + i;
            pool.kernel[axis] = axes[i].kernel;
            pool.stride[axis] = axes[i].stride;
            pool.padding[axis] = axes[i].pad_begin;
            const std::int64_t plain =
                (axes[i].input + 2 * axes[i].pad_begin - axes[i].kernel) / axes[i].stride + 1;
            if (axes[i].dilation != 1 || axes[i].pad_begin != axes[i].pad_end ||
                plain != axes[i].output) {
                unsupported(node, "it is dilated, or padded differently at both ends");
            }
        }
        if (axes.size() == 1) {
            pool.kernel[0] = pool.stride[0] = 1;
        }
        return pool;
    }

    void read_pool(const ir::Node& node, PoolKind kind, const ir::Window& window,
                   bool channels_last) {
        if (channels_last) {
            unsupported(node, "it is channels-last");
        }
        finish(node, node.name, pool_of(node, kind, window), {from(node, node.inputs[0])});
    }

    void read_average(const ir::Node& node, const ir::AveragePool& op) {
        PoolSpec pool = pool_of(node, PoolKind::kAverage, op.window);
        if (!op.count_include_pad && (pool.padding[0] > 0 || pool.padding[1] > 0)) {
            unsupported(node, "its padding is not counted, as training does");
        }
        const std::string source = from(node, node.inputs[0]);
        // AveragePool -> Mul area -> Trunc is one layer.
        const ir::Node* mul = only_reader(node.outputs[0]);
        const ir::Node* trunc = mul == nullptr ? nullptr : only_reader(mul->outputs[0]);
        if (trunc != nullptr && binary(*mul, ir::BinaryKind::kMul) != nullptr &&
            std::holds_alternative<ir::Trunc>(trunc->op)) {
            const auto& t = std::get<ir::Trunc>(trunc->op);
            const int shift =
                t.version == 1 ? static_cast<int>(scalar(*trunc, 3) - scalar(*trunc, 4)) : -1;
            const Operands sides = operands(*mul);
            const bool area =
                sides.constant != nullptr && sides.constant->size() == 1 &&
                (*sides.constant)[0] == static_cast<float>(pool.kernel[0] * pool.kernel[1]);
            const std::optional<IntType> type = levels_of(source);
            if (!area || !type || shift < 0 || t.rounding != RoundingMode::kFloor) {
                unsupported(*trunc, "it is no truncated average of integers with one scale");
            }
            pool.kind = PoolKind::kTruncAverage;
            pool.input_type = type;
            pool.bits = type->bits + trunc_shift(PoolSpec{.kernel = pool.kernel}) - shift;
            done_.insert(node.name);
            done_.insert(mul->name);
            return finish(*trunc, node.name, pool, {source});
        }
        finish(node, node.name, pool, {source});
    }

    void read_binary(const ir::Node& node, const ir::Binary& op) {
        const bool flows = floats(node.inputs[0]) == nullptr && floats(node.inputs[1]) == nullptr;
        if (op.kind != ir::BinaryKind::kAdd || !flows ||
            frame_shape(node.inputs[0]) != frame_shape(node.inputs[1])) {
            unsupported(node, "only the addition of two layers of one shape is trained");
        }
        finish(node, node.name,
               JoinSpec{.kind = JoinKind::kAdd, .channels = frame_shape(node.outputs[0])[0]},
               {from(node, node.inputs[0]), from(node, node.inputs[1])});
    }

    void read_concat(const ir::Node& node, const ir::Concat& op) {
        if (op.axis != 1) {
            unsupported(node, "it does not join channels");
        }
        std::vector<std::string> sources;
        for (const TensorId input : node.inputs) {
            sources.push_back(from(node, input));
        }
        finish(node, node.name,
               JoinSpec{.kind = JoinKind::kConcat, .channels = frame_shape(node.outputs[0])[0]},
               sources);
    }

    void read_resize(const ir::Node& node, const ir::Resize& op) {
        const Shape in = frame_shape(node.inputs[0]);
        const Shape out = frame_shape(node.outputs[0]);
        UpsampleSpec upsample{{1, 1}};
        for (std::size_t i = 1; i < in.size(); ++i) {
            const std::size_t axis = 2 - (in.size() - 1) + i - 1;
            upsample.factor[axis] = out[i] / in[i];
            if (out[i] % in[i] != 0) {
                unsupported(node, "it does not repeat pixels a whole number of times");
            }
        }
        const bool repeats =
            op.mode == "nearest" &&
            ((op.coordinate_transformation == "asymmetric" && op.nearest_mode == "floor") ||
             op.coordinate_transformation == "half_pixel");
        if (!repeats || in[0] != out[0]) {
            unsupported(node, "only the repetition of pixels is trained");
        }
        finish(node, node.name, upsample, {from(node, node.inputs[0])});
    }

    void read_flatten(const ir::Node& node) {
        const Shape in = frame_shape(node.inputs[0]);
        const Shape out = frame_shape(node.outputs[0]);
        if (out.size() != 1 || element_count(out) != element_count(in)) {
            unsupported(
                node, fmt::format("only a change of shape to one axis is trained, this is {} to {}",
                                  shape_text(in), shape_text(out)));
        }
        finish(node, node.name, FlattenSpec{}, {from(node, node.inputs[0])});
    }
};

}  // namespace

ImportedModel import_graph(const ir::Graph& graph) { return Importer(graph).run(); }

}  // namespace qloom::train
