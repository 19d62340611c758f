#include "ir/infer_shapes.h"

#include <algorithm>

#include "base/diagnostic.h"
#include "ir/infer_node.h"
#include "ir/run_node.h"

namespace qloom::ir {
namespace {

// Constants are computed unless the result is much larger than its operands: an Expand in a damaged file must not fill
// the memory.
constexpr std::int64_t kAlwaysComputed = std::int64_t{1} << 22;

bool worth_computing(const std::vector<TensorFacts>& results, const std::vector<const TensorFacts*>& inputs) {
    std::int64_t given = kAlwaysComputed;
    for (const TensorFacts* input : inputs) {
        given += input == nullptr ? 0 : 4 * element_count(input->shape);
    }
    return std::ranges::all_of(results,
                               [given](const TensorFacts& result) { return element_count(result.shape) <= given; });
}

// `values`: null when only shapes are wanted; then only small integer tensors, which shapes are made of, are computed.
void infer(Graph& graph, std::vector<std::optional<Value>>& values, bool shapes_only, bool keep_weight_quantisers) {
    constexpr std::int64_t kShapeElements = 4096;
    values.assign(graph.tensors().size(), std::nullopt);
    std::vector<TensorFacts> facts(graph.tensors().size());
    for (std::size_t t = 0; t < facts.size(); ++t) {
        const TensorInfo& info = graph.tensors()[t];
        facts[t].type = info.type;
        if (info.constant) {
            facts[t].shape = shape_of(*info.constant);
            facts[t].value = &*info.constant;
        } else if (info.shape) {
            facts[t].shape = *info.shape;
        }
    }
    for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
        const Node& node = graph.nodes()[n];
        std::vector<const TensorFacts*> inputs;
        std::vector<const Value*> known;
        bool constant = true;
        for (const TensorId id : node.inputs) {
            inputs.push_back(id == TensorId::kNone ? nullptr : &facts[index_of(id)]);
            known.push_back(id == TensorId::kNone ? nullptr : facts[index_of(id)].value);
            constant = constant && (id == TensorId::kNone || known.back() != nullptr);
        }
        const std::vector<TensorFacts> results = infer_node(node, inputs);
        const bool shape_of_known = std::holds_alternative<ShapeOf>(node.op);
        bool compute = shape_of_known || (constant && worth_computing(results, inputs));
        if (keep_weight_quantisers && is_weight_quantiser(node.op)) {
            compute = false;
        }
        if (compute && shapes_only && !shape_of_known) {
            compute = std::ranges::all_of(results, [](const TensorFacts& result) {
                return element_count(result.shape) <= kShapeElements;
            });
        }
        std::vector<Value> computed;
        if (shape_of_known) {
            const Shape& shape = inputs[0]->shape;
            computed.emplace_back(Tensor<std::int64_t>({static_cast<std::int64_t>(shape.size())}, std::vector(shape)));
        } else if (compute) {
            computed = run_node(node, known);
        }
        for (std::size_t o = 0; o < node.outputs.size(); ++o) {
            const TensorId id = node.outputs[o];
            if (id == TensorId::kNone) {
                continue;
            }
            TensorInfo& info = graph.tensor(id);
            info.type = results[o].type;
            info.shape = results[o].shape;
            facts[index_of(id)] = results[o];
            if (compute) {
                values[index_of(id)] = std::move(computed[o]);
                facts[index_of(id)].value = &*values[index_of(id)];
            }
        }
    }
}

}  // namespace

bool is_weight_quantiser(const Op& op) {
    return std::holds_alternative<Quant>(op) || std::holds_alternative<BipolarQuant>(op) ||
           std::holds_alternative<DequantizeLinear>(op);
}

void infer_shapes(Graph& graph) {
    std::vector<std::optional<Value>> values;
    infer(graph, values, true, false);
}

std::vector<std::optional<Value>> infer_constants(Graph& graph, bool keep_weight_quantisers) {
    std::vector<std::optional<Value>> values;
    infer(graph, values, false, keep_weight_quantisers);
    return values;
}

}  // namespace qloom::ir
