#include "ptq/calibrate.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "ptq/batches.h"
#include "ptq/gather.h"
#include "ptq/rounding.h"

namespace qloom::ptq {
namespace {

// GPTQ's own share of the mean diagonal.
constexpr double kDamping = 0.01;
constexpr int kDescents = 4;
// An asymmetric quantiser must be better by this factor: zero points cost the hardware padding that
// is not 0.
constexpr double kAsymmetricGain = 0.7;

const Tensor<float>* floats_of(const ir::Value& value) {
    return std::get_if<Tensor<float>>(&value);
}

void check_finite(const Chunks& chunks, const std::string& where) {
    for (const ir::Value& chunk : chunks) {
        const Tensor<float>* floats = floats_of(chunk);
        if (floats != nullptr &&
            !std::ranges::all_of(*floats, [](float x) { return std::isfinite(x); })) {
            throw Error(code::kPtqNotFinite, where,
                        "the float model computes infinity or not-a-number on a calibration frame",
                        "give frames as the model was trained on");
        }
    }
}

Chunks quantised_chunks(const Chunks& chunks, const Levels& levels) {
    Chunks result;
    for (const ir::Value& chunk : chunks) {
        Tensor<float> values = as_floats(chunk);
        for (float& x : values) {
            x = levels.quantised(x);
        }
        result.emplace_back(std::move(values));
    }
    return result;
}

Tensor<double> slice(const Tensor<double>& matrix, std::int64_t group) {
    const std::int64_t size = matrix.dim(1) * matrix.dim(2);
    return Tensor<double>({matrix.dim(1), matrix.dim(2)},
                          {matrix.begin() + group * size, matrix.begin() + (group + 1) * size});
}

std::vector<double> diagonal(const Tensor<double>& a) {
    std::vector<double> result;
    for (std::int64_t i = 0; i < a.dim(0); ++i) {
        result.push_back(a[i * a.dim(0) + i]);
    }
    return result;
}

class Calibration {
public:
    Calibration(const ir::Graph& graph, const std::vector<Layer>& layers, const Plan& plan,
                const Widths& widths, const std::vector<ir::Value>& frames,
                const QuantiseOptions& options, const std::function<void()>& step)
        : graph_(graph),
          layers_(layers),
          plan_(plan),
          widths_(widths),
          options_(options),
          step_(step),
          batches_(graph, frames),
          reals_(graph),
          changed_(graph),
          last_read_(plan.spots.size(), 0) {
        result_.graph = graph;
        result_.weights.resize(layers.size());
        result_.spots.resize(plan.spots.size());
    }

    Calibrated run() {
        for (std::size_t n = 0; n < plan_.reads.size(); ++n) {
            for (const int spot : plan_.reads[n]) {
                if (spot >= 0) {
                    last_read_[static_cast<std::size_t>(spot)] = n;
                }
            }
        }
        settle_joins();
        for (std::size_t i = 0; i < graph_.inputs().size(); ++i) {
            check_finite(batches_.input(i), "input " + graph_.tensor(graph_.inputs()[i]).name);
            arrived(graph_.inputs()[i], batches_.input(i), batches_.input(i));
        }
        for (std::size_t n = 0; n < graph_.nodes().size(); ++n) {
            run_node(n);
            step_();
        }
        return std::move(result_);
    }

private:
    // Operands of a join share a scale, so that all of them must be seen before the first is
    // quantised.
    void settle_joins() {
        std::map<int, std::vector<std::size_t>> joins;
        for (std::size_t s = 0; s < plan_.spots.size(); ++s) {
            if (plan_.spots[s].join >= 0) {
                joins[plan_.spots[s].join].push_back(s);
            }
        }
        if (joins.empty()) {
            return;
        }
        std::map<ir::TensorId, std::vector<float>> values;
        Store store(graph_);
        const auto look = [&](ir::TensorId id, Chunks chunks) {
            for (const Spot& spot : plan_.spots) {
                if (spot.tensor == id && spot.join >= 0) {
                    values[id] = sampled(chunks);
                }
            }
            store.put(id, std::move(chunks));
        };
        for (std::size_t i = 0; i < graph_.inputs().size(); ++i) {
            look(graph_.inputs()[i], batches_.input(i));
        }
        for (const ir::Node& node : graph_.nodes()) {
            std::vector<Chunks> outputs = batches_.run(graph_, node, operands(node, store));
            for (std::size_t o = 0; o < outputs.size(); ++o) {
                check_finite(outputs[o], label_of(node));
                if (node.outputs[o] != ir::TensorId::kNone) {
                    look(node.outputs[o], std::move(outputs[o]));
                }
            }
            store.read(node);
        }
        for (const auto& [join, members] : joins) {
            settle(members, values);
        }
    }

    void settle(const std::vector<std::size_t>& members,
                const std::map<ir::TensorId, std::vector<float>>& values) {
        std::vector<Samples> samples;
        std::vector<IntType> types;
        bool any_unsigned = false;
        for (const std::size_t s : members) {
            samples.push_back({.values = values.at(plan_.spots[s].tensor)});
            const bool negative =
                std::ranges::any_of(samples.back().values, [](float x) { return x < 0.0F; });
            types.push_back({widths_.spots[s], negative});
            any_unsigned = any_unsigned || !negative;
        }
        for (std::size_t i = 0; i < members.size(); ++i) {
            // Beside an unsigned operand a signed one needs a bit more to reach as far with the
            // same scale.
            const bool wider =
                types[i].is_signed && any_unsigned && !widths_.spot_fixed[members[i]];
            types[i].bits += wider && types[i].bits < kMostBits ? 1 : 0;
        }
        const std::vector<Levels> levels = find_shared_levels(samples, types, options_.scales);
        for (std::size_t i = 0; i < members.size(); ++i) {
            result_.spots[members[i]] = levels[i];
        }
    }

    [[nodiscard]] std::vector<const Chunks*> operands(const ir::Node& node,
                                                      const Store& store) const {
        std::vector<const Chunks*> values;
        for (const ir::TensorId id : node.inputs) {
            const bool computed = id != ir::TensorId::kNone && !graph_.is_constant(id);
            values.push_back(computed ? &store.at(id) : nullptr);
        }
        return values;
    }

    // A tensor is made: in the float network and, other than it, in the network quantised so far.
    void arrived(ir::TensorId id, Chunks reals, Chunks changed) {
        for (std::size_t s = 0; s < plan_.spots.size(); ++s) {
            const Spot& spot = plan_.spots[s];
            if (spot.tensor != id) {
                continue;
            }
            if (spot.join < 0) {
                result_.spots[s] =
                    spot_levels({.values = sampled(changed), .targets = sampled(reals)},
                                widths_.spots[s], spot.role, options_);
            }
            levels_.emplace(s, quantised_chunks(changed, result_.spots[s]));
        }
        reals_.put(id, std::move(reals));
        changed_.put(id, std::move(changed));
    }

    void run_node(std::size_t n) {
        const ir::Node& node = graph_.nodes()[n];
        const std::vector<const Chunks*> reals = operands(node, reals_);
        std::vector<const Chunks*> changed = operands(node, changed_);
        for (std::size_t i = 0; i < changed.size(); ++i) {
            if (plan_.reads[n][i] >= 0) {
                changed[i] = &levels_.at(static_cast<std::size_t>(plan_.reads[n][i]));
            }
        }
        for (std::size_t l = 0; l < layers_.size(); ++l) {
            if (index_of(layers_[l].node) == n) {
                quantise_layer(l, *reals[0], *changed[0]);
            }
        }
        std::vector<Chunks> real_outputs = batches_.run(graph_, node, reals);
        std::vector<Chunks> changed_outputs =
            batches_.run(result_.graph, result_.graph.nodes()[n], changed);
        reals_.read(node);
        changed_.read(node);
        for (std::size_t s = 0; s < last_read_.size(); ++s) {
            if (last_read_[s] == n) {
                levels_.erase(s);
            }
        }
        for (std::size_t o = 0; o < node.outputs.size(); ++o) {
            if (node.outputs[o] != ir::TensorId::kNone) {
                check_finite(real_outputs[o], label_of(node));
                arrived(node.outputs[o], std::move(real_outputs[o]), std::move(changed_outputs[o]));
            }
        }
    }

    void quantise_layer(std::size_t l, const Chunks& z, const Chunks& x) {
        const Layer& layer = layers_[l];
        const Tensor<double> w = weight_matrix(graph_, layer);
        const bool differ = z != x;
        const bool gptq = options_.rounding == WeightRounding::kGptq;
        const bool empirical = options_.bias_correction == BiasCorrection::kEmpirical;
        Gatherer gatherer(graph_, layer);
        Tensor<float> bias = std::get<Tensor<float>>(*graph_.tensor(layer.bias).constant);
        Tensor<double> q = w;
        std::vector<Levels>& levels = result_.weights[l];
        for (std::int64_t g = 0; g < layer.groups; ++g) {
            // A bias that makes good the mean error leaves the rounding only the errors around the
            // mean.
            const Gathered gathered = gatherer.run(z, x, g, empirical, differ);
            const Tensor<double> own = slice(w, g);
            const Tensor<double> wanted =
                gptq && options_.fit_inputs ? fitted_weights(own, gathered.moments, kDamping) : own;
            auto [chosen, chosen_levels] =
                rounded(wanted, gathered.moments.second, widths_.weights[l]);
            std::copy(chosen.begin(), chosen.end(), q.begin() + g * chosen.size());
            levels.insert(levels.end(), chosen_levels.begin(), chosen_levels.end());
            for (std::int64_t m = 0; m < layer.rows; ++m) {
                double change = 0.0;
                for (std::int64_t k = 0; k < layer.columns; ++k) {
                    const auto at = static_cast<std::size_t>(k);
                    const double seen = empirical ? gathered.mean_x[at] : gathered.mean_z[at];
                    change += own[m * layer.columns + k] * gathered.mean_z[at] -
                              chosen[m * layer.columns + k] * seen;
                }
                if (options_.bias_correction != BiasCorrection::kNone) {
                    float& b = bias[g * layer.rows + m];
                    b = static_cast<float>(static_cast<double>(b) + change);
                }
            }
        }
        result_.graph.tensor(layer.weights).constant = weight_tensor(graph_, layer, q);
        result_.graph.tensor(layer.bias).constant = std::move(bias);
    }

    // Weights on their levels, by the rounding asked for; GPTQ takes for every row the better of
    // two scales.
    [[nodiscard]] std::pair<Tensor<double>, std::vector<Levels>> rounded(
        const Tensor<double>& w, const Tensor<double>& second, int bits) const {
        const Tensor<double> matrix = w.reshaped({1, w.dim(0), w.dim(1)});
        if (options_.rounding == WeightRounding::kNearest) {
            std::vector<Levels> levels = weight_levels(matrix, {}, bits, options_);
            return {round_to_nearest(w, levels), std::move(levels)};
        }
        const Tensor<double> positive = damped(second, kDamping);
        std::vector<Levels> best_levels = weight_levels(matrix, diagonal(positive), bits, options_);
        Tensor<double> best = gptq(w, positive, best_levels);
        const std::vector<Levels> other_levels = weight_levels(matrix, {}, bits, options_);
        if (other_levels == best_levels) {
            return {std::move(best), std::move(best_levels)};
        }
        const Tensor<double> other = gptq(w, positive, other_levels);
        const std::vector<double> errors = row_errors(w, best, positive);
        const std::vector<double> other_errors = row_errors(w, other, positive);
        for (std::int64_t m = 0; m < w.dim(0); ++m) {
            const auto at = static_cast<std::size_t>(m);
            if (other_errors[at] < errors[at]) {
                best_levels[at] = other_levels[at];
                std::copy_n(other.begin() + m * w.dim(1), w.dim(1), best.begin() + m * w.dim(1));
            }
        }
        return {std::move(best), std::move(best_levels)};
    }

    [[nodiscard]] static Tensor<double> gptq(const Tensor<double>& w, const Tensor<double>& second,
                                             const std::vector<Levels>& levels) {
        Tensor<double> q = round_gptq(w, second, levels);
        descend(q, w, second, levels, kDescents);
        return q;
    }

    const ir::Graph& graph_;
    const std::vector<Layer>& layers_;
    const Plan& plan_;
    const Widths& widths_;
    const QuantiseOptions& options_;
    const std::function<void()>& step_;
    Batches batches_;
    Store reals_;    // of the float network
    Store changed_;  // of the network quantised so far, in front of the quantisers
    std::map<std::size_t, Chunks> levels_;  // behind the quantisers, by spot
    std::vector<std::size_t> last_read_;    // node index, by spot
    Calibrated result_;
};

}  // namespace

Calibrated calibrate(const ir::Graph& graph, const std::vector<Layer>& layers, const Plan& plan,
                     const Widths& widths, const std::vector<ir::Value>& frames,
                     const QuantiseOptions& options, const std::function<void()>& step) {
    return Calibration(graph, layers, plan, widths, frames, options, step).run();
}

std::vector<float> sampled(const std::vector<ir::Value>& chunks) {
    std::int64_t total = 0;
    for (const ir::Value& chunk : chunks) {
        total += as_floats(chunk).size();
    }
    // An odd stride meets all channels and pixels in turn.
    const std::int64_t stride = total <= kSampledValues ? 1 : (total / kSampledValues) | 1;
    std::vector<float> values;
    std::int64_t next = 0;
    for (const ir::Value& chunk : chunks) {
        const Tensor<float>& all = as_floats(chunk);
        for (; next < all.size(); next += stride) {
            values.push_back(all[next]);
        }
        next -= all.size();
    }
    return values;
}

Levels spot_levels(const Samples& samples, int bits, Role role, const QuantiseOptions& options) {
    if (role == Role::kInput && !options.scales.power_of_two) {
        if (const std::optional<Levels> exact =
                find_exact_levels({.values = samples.values}, bits)) {
            return *exact;
        }
    }
    const bool negative = std::ranges::any_of(samples.values, [](float x) { return x < 0.0F; }) ||
                          std::ranges::any_of(samples.targets, [](float x) { return x < 0.0F; });
    Levels levels = find_levels(samples, {bits, negative}, options.scales);
    if (negative && options.zero_points) {
        const Levels asymmetric = find_asymmetric_levels(samples, bits, options.scales);
        if (squared_error(samples, asymmetric) < kAsymmetricGain * squared_error(samples, levels)) {
            levels = asymmetric;
        }
    }
    return levels;
}

std::vector<Levels> weight_levels(const Tensor<double>& matrix,
                                  const std::vector<double>& importance, int bits,
                                  const QuantiseOptions& options) {
    const std::int64_t columns = matrix.dim(2);
    std::vector<Levels> levels;
    for (std::int64_t row = 0; row < matrix.dim(0) * matrix.dim(1); ++row) {
        Samples samples;
        samples.values.assign(matrix.begin() + row * columns, matrix.begin() + (row + 1) * columns);
        if (!importance.empty()) {
            const std::int64_t group = row / matrix.dim(1);
            samples.weights.assign(importance.begin() + group * columns,
                                   importance.begin() + (group + 1) * columns);
        }
        levels.push_back(find_levels(samples, {bits, true, true}, options.scales));
    }
    return levels;
}

}  // namespace qloom::ptq
