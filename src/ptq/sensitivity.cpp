#include "ptq/sensitivity.h"

#include <algorithm>
#include <cmath>

#include "ir/execute.h"
#include "ir/remove_dead_nodes.h"
#include "ptq/batches.h"
#include "ptq/build.h"
#include "ptq/rounding.h"

namespace qloom::ptq {
namespace {

constexpr double kPerfectDb = 200.0;

bool is_head(const ir::Op& op) {
    return std::holds_alternative<ir::Softmax>(op) || std::holds_alternative<ir::ArgMax>(op) ||
           std::holds_alternative<ir::TopK>(op);
}

}  // namespace

double OutputError::snr_db() const {
    if (error <= 0.0) {
        return kPerfectDb;
    }
    return signal <= 0.0 ? -kPerfectDb
                         : std::clamp(10.0 * std::log10(signal / error), -kPerfectDb, kPerfectDb);
}

OutputError output_error(const std::vector<ir::Value>& wanted,
                         const std::vector<ir::Value>& found) {
    OutputError result;
    for (std::size_t o = 0; o < wanted.size(); ++o) {
        const Tensor<float>& a = as_floats(wanted[o]);
        const Tensor<float>& b = as_floats(found[o]);
        for (std::int64_t i = 0; i < a.size(); ++i) {
            const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
            result.error += difference * difference;
            result.signal += static_cast<double>(a[i]) * static_cast<double>(a[i]);
        }
    }
    return result;
}

double signal_to_noise_db(const std::vector<float>& signal, const std::vector<float>& x) {
    const auto size = static_cast<std::int64_t>(signal.size());
    return output_error({Tensor<float>({size}, signal)}, {Tensor<float>({size}, x)}).snr_db();
}

ir::Graph measurable(const ir::Graph& graph) {
    ir::Graph result = graph;
    const ir::Uses uses(graph);
    std::vector<ir::TensorId> outputs;
    for (ir::TensorId id : graph.outputs()) {
        ir::NodeId maker = uses.producer(id);
        while (maker != ir::NodeId::kNone && is_head(graph.node(maker).op)) {
            id = graph.node(maker).inputs[0];
            maker = uses.producer(id);
        }
        const bool real =
            graph.tensor(id).type == ir::ElementType::kFloat32 && !graph.is_constant(id);
        if (real && std::ranges::find(outputs, id) == outputs.end()) {
            outputs.push_back(id);
        }
    }
    if (outputs.empty()) {  // nothing but integers: the last real tensors on the way there
        for (const ir::Node& node : graph.nodes()) {
            const ir::TensorId id = node.outputs[0];
            if (id != ir::TensorId::kNone && graph.tensor(id).type == ir::ElementType::kFloat32) {
                outputs = {id};
            }
        }
    }
    result.set_outputs(outputs);
    ir::remove_dead_nodes(result);
    return result;
}

std::vector<Noise> noises(const ir::Graph& graph, const std::vector<Layer>& layers,
                          const Plan& plan, const Widths& widths,
                          const std::vector<ir::Value>& frames, const QuantiseOptions& options) {
    // The levels of the float network, with one bit more each on the second go.
    std::vector<std::vector<float>> samples(plan.spots.size());
    const auto trace = ir::Executor(graph).trace(frames);
    for (std::size_t s = 0; s < plan.spots.size(); ++s) {
        const auto found = trace.find(graph.tensor(plan.spots[s].tensor).name);
        QLOOM_ASSERT(found != trace.end(), "a spot's tensor depends on the inputs");
        samples[s] = sampled({found->second});
    }
    const std::vector<ir::Value> wanted = ir::Executor(measurable(graph)).run(frames);
    const auto error_of = [&](const ir::Graph& weights_graph,
                              const std::vector<std::vector<Levels>>& weights,
                              const std::vector<Levels>& spots, const Parts& parts) {
        const ir::Graph changed =
            with_quantisers(weights_graph, layers, plan, weights, spots, parts);
        return output_error(wanted, ir::Executor(measurable(changed)).run(frames)).error;
    };
    std::vector<Noise> result(layers.size() + plan.spots.size());
    const std::vector<Levels> no_spots(plan.spots.size());
    const std::vector<std::vector<Levels>> no_weights(layers.size());
    for (const int extra : {0, 1}) {
        const auto keep = [&](std::size_t i, double error) {
            (extra == 0 ? result[i].now : result[i].more) = error;
        };
        for (std::size_t l = 0; l < layers.size(); ++l) {
            const Tensor<double> w = weight_matrix(graph, layers[l]);
            std::vector<std::vector<Levels>> weights = no_weights;
            weights[l] = weight_levels(w, {}, widths.weights[l] + extra, options);
            Parts parts{.weights = std::vector<bool>(layers.size(), false),
                        .spots = std::vector<bool>(plan.spots.size(), false)};
            parts.weights[l] = true;
            keep(l, error_of(graph, weights, no_spots, parts));
        }
        for (std::size_t s = 0; s < plan.spots.size(); ++s) {
            std::vector<Levels> spots = no_spots;
            spots[s] = spot_levels({.values = samples[s]}, widths.spots[s] + extra,
                                   plan.spots[s].role, options);
            Parts parts{.weights = std::vector<bool>(layers.size(), false),
                        .spots = std::vector<bool>(plan.spots.size(), false)};
            parts.spots[s] = true;
            keep(layers.size() + s, error_of(graph, no_weights, spots, parts));
        }
    }
    return result;
}

std::vector<double> gains_db(const std::vector<Noise>& noises) {
    double total = 0.0;
    for (const Noise& noise : noises) {
        total += noise.now;
    }
    std::vector<double> gains;
    for (const Noise& noise : noises) {
        const double left = total - std::max(0.0, noise.now - noise.more);
        gains.push_back(total <= 0.0  ? 0.0
                        : left <= 0.0 ? kPerfectDb
                                      : 10.0 * std::log10(total / left));
    }
    return gains;
}

}  // namespace qloom::ptq
