#include "ptq/build.h"

#include <map>

#include "ir/infer_shapes.h"

namespace qloom::ptq {
namespace {

class Builder {
public:
    explicit Builder(const ir::Graph& graph) : graph_(graph) {}

    // A quantiser of `data`; the tensor it makes.
    ir::TensorId quantise(const std::string& name, ir::TensorId data, const Levels& levels,
                          Tensor<float> scale) {
        const std::string node = graph_.fresh_node_name(name);
        const auto constant = [&](const std::string& role, Tensor<float> value) {
            return graph_.add_constant(graph_.fresh_tensor_name(fmt::format("{}_{}", node, role)),
                                       std::move(value));
        };
        const ir::TensorId scales = constant("scale", std::move(scale));
        const ir::TensorId zero = constant("zero_point", Tensor<float>(Shape{}, levels.zero));
        const ir::TensorId bits =
            constant("bits", Tensor<float>(Shape{}, static_cast<float>(levels.type.bits)));
        ir::TensorInfo info;
        info.name = graph_.fresh_tensor_name(node + "_out");
        const ir::TensorId output = graph_.add_tensor(std::move(info));
        graph_.add_node(
            {.name = node,
             .op = ir::Quant{.is_signed = levels.type.is_signed, .narrow = levels.type.narrow},
             .inputs = {data, scales, zero, bits},
             .outputs = {output}});
        return output;
    }

    ir::Graph& graph() { return graph_; }

private:
    ir::Graph graph_;
};

}  // namespace

ir::Graph with_quantisers(const ir::Graph& graph, const std::vector<Layer>& layers,
                          const Plan& plan, const std::vector<std::vector<Levels>>& weights,
                          const std::vector<Levels>& spots, const Parts& parts) {
    Builder builder(graph);
    for (std::size_t l = 0; l < layers.size(); ++l) {
        if (!parts.weights.empty() && !parts.weights[l]) {
            continue;
        }
        std::vector<float> scales;
        for (const Levels& levels : weights[l]) {
            scales.push_back(levels.scale);
        }
        const std::string name = graph.node(layers[l].node).name + "_weight_quant";
        builder.graph().node(layers[l].node).inputs[1] = builder.quantise(
            name, layers[l].weights, weights[l][0], per_row(graph, layers[l], scales));
    }
    std::map<int, ir::TensorId> made;
    for (std::size_t s = 0; s < plan.spots.size(); ++s) {
        if (parts.spots.empty() || parts.spots[s]) {
            made[static_cast<int>(s)] = builder.quantise(
                graph.tensor(plan.spots[s].tensor).name + "_quant", plan.spots[s].tensor, spots[s],
                Tensor<float>(Shape{}, spots[s].scale));
        }
    }
    for (std::size_t n = 0; n < plan.reads.size(); ++n) {
        for (std::size_t i = 0; i < plan.reads[n].size(); ++i) {
            if (const auto quantised = made.find(plan.reads[n][i]); quantised != made.end()) {
                builder.graph().node(static_cast<ir::NodeId>(n)).inputs[i] = quantised->second;
            }
        }
    }
    ir::Graph result = std::move(builder.graph());
    result.sort();
    ir::infer_shapes(result);
    return result;
}

}  // namespace qloom::ptq
