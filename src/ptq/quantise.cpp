#include "ptq/quantise.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ir/execute.h"
#include "ir/tidy.h"
#include "ptq/batches.h"
#include "ptq/build.h"
#include "ptq/calibrate.h"
#include "ptq/equalise.h"
#include "ptq/prepare.h"
#include "ptq/sensitivity.h"

namespace qloom::ptq {
namespace {

constexpr std::int64_t kJudgedShare = 4;  // one frame in four is kept apart
constexpr std::int64_t kLeastToSplit = 8;
constexpr std::int64_t kReportFrames = 64;  // for the ratios of the report
constexpr double kAdviceProducts = 2e10;  // multiplications that advice may take, all runs together
constexpr double kWorthDb = 0.5;

void refuse_quantisers(const ir::Graph& model) {
    for (const ir::Node& node : model.nodes()) {
        const bool quantiser = std::holds_alternative<ir::Quant>(node.op) ||
                               std::holds_alternative<ir::BipolarQuant>(node.op) ||
                               std::holds_alternative<ir::Trunc>(node.op) ||
                               std::holds_alternative<ir::MultiThreshold>(node.op) ||
                               std::holds_alternative<ir::QuantizeLinear>(node.op) ||
                               std::holds_alternative<ir::DequantizeLinear>(node.op) ||
                               std::holds_alternative<ir::XnorPopcountMatMul>(node.op) ||
                               std::holds_alternative<ir::QuantAvgPool2d>(node.op);
        if (quantiser) {
            throw Error(code::kPtqAlreadyQuantised, label_of(node),
                        "the model has quantisers already",
                        "give the float model, or compile this one as it is");
        }
    }
}

std::int64_t frames_of(const std::vector<ir::Value>& frames) {
    return frames.empty() || ir::shape_of(frames[0]).empty() ? 0 : ir::shape_of(frames[0])[0];
}

std::vector<ir::Value> slice(const std::vector<ir::Value>& frames, std::int64_t first,
                             std::int64_t count) {
    std::vector<ir::Value> result;
    for (const ir::Value& value : frames) {
        result.push_back(std::visit(
            [&](const auto& x) -> ir::Value {
                Shape shape = x.shape();
                const std::int64_t row = shape[0] == 0 ? 0 : x.size() / shape[0];
                shape[0] = count;
                return std::decay_t<decltype(x)>(
                    shape, {x.begin() + first * row, x.begin() + (first + count) * row});
            },
            value));
    }
    return result;
}

void check_bits(const std::string& where, int bits) {
    if (bits < kLeastBits || bits > kMostBits) {
        throw Error(code::kPtqBits, where,
                    fmt::format("{} bits are asked for; {} to {} are possible", bits, kLeastBits,
                                kMostBits),
                    "choose a width in this range; train with quantised weights for fewer bits");
    }
}

class Quantiser {
public:
    Quantiser(const ir::Graph& model, const std::vector<ir::Value>& frames,
              const QuantiseOptions& options,
              const std::function<void(std::int64_t, std::int64_t)>& progress)
        : options_(options),
          progress_(progress),
          graph_(prepare(ir::tidy(model))),
          layers_(layers_of(graph_)) {
        if (layers_.empty()) {
            throw Error(code::kPtqNoLayers, "model " + model.name,
                        "it has no layer with constant weights",
                        "give a trained model with MatMul, Gemm, Conv or ConvTranspose");
        }
        plan_ = place(graph_, layers_);
        choose_widths();
        split(frames);
    }

    Quantised run() {
        const std::vector<ir::Value> wanted = ir::Executor(measurable(graph_)).run(judged_);
        const std::vector<LayerPair> pairs = equalisable_pairs(graph_, layers_);
        std::vector<Equalisation> candidates{options_.equalisation};
        if (options_.equalisation == Equalisation::kBest) {
            candidates = {Equalisation::kNone};
            if (!pairs.empty()) {
                candidates = {Equalisation::kNone, Equalisation::kWeights,
                              Equalisation::kActivations};
            }
        }
        total_ = static_cast<std::int64_t>(graph_.nodes().size() *
                                           (candidates.size() + (options_.advise ? 1 : 0)));
        ir::Graph best_reals;
        Calibrated best;
        double best_snr = -std::numeric_limits<double>::infinity();
        QuantiseReport report;
        for (const Equalisation candidate : candidates) {
            ir::Graph reals = graph_;
            if (candidate == Equalisation::kWeights) {
                equalise_weights(reals, layers_, pairs);
            } else if (candidate == Equalisation::kActivations) {
                equalise_activations(reals, layers_, pairs, fitted_);
            }
            Calibrated calibrated = calibrate(reals, layers_, plan_, widths_, fitted_, options_,
                                              [this] { advance(1); });
            const double snr =
                output_error(wanted, ir::Executor(measurable(built(calibrated))).run(judged_))
                    .snr_db();
            report.tried.emplace_back(candidate, snr);
            if (snr > best_snr) {
                best_snr = snr;
                best = std::move(calibrated);
                best_reals = std::move(reals);
                report.equalisation = candidate;
            }
        }
        report.output_snr_db = best_snr;
        report.frames = frames_of(fitted_);
        report.judged = frames_of(judged_);
        Quantised result{.graph = built(best), .report = std::move(report)};
        describe(best_reals, best, result);
        if (options_.advise) {
            advise(best_reals, best, result.report);
        }
        return result;
    }

private:
    [[nodiscard]] ir::Graph built(const Calibrated& calibrated) const {
        return with_quantisers(calibrated.graph, layers_, plan_, calibrated.weights,
                               calibrated.spots);
    }

    void advance(std::int64_t by) {
        done_ += by;
        if (progress_) {
            progress_(std::min(done_, total_), total_);
        }
    }

    [[nodiscard]] std::string weights_name(std::size_t l) const {
        return graph_.node(layers_[l].node).name;
    }
    [[nodiscard]] std::string spot_name(std::size_t s) const {
        return graph_.tensor(plan_.spots[s].tensor).name;
    }

    void choose_widths() {
        check_bits("weights", options_.weight_bits);
        check_bits("activations", options_.activation_bits);
        check_bits("inputs", options_.input_bits);
        check_bits("weights of the first and last layers", options_.edge_weight_bits);
        for (std::size_t l = 0; l < layers_.size(); ++l) {
            const bool edge = plan_.first[l] || plan_.last[l];
            widths_.weights.push_back(
                edge ? std::max(options_.weight_bits, options_.edge_weight_bits)
                     : options_.weight_bits);
        }
        for (const Spot& spot : plan_.spots) {
            // A whole image's average and the input of a table are few values or a narrow table:
            // they stay fine.
            const bool fine = spot.role == Role::kAverage || spot.role == Role::kCurved;
            widths_.spots.push_back(spot.role == Role::kInput ? options_.input_bits
                                    : fine                    ? kMostBits
                                                              : options_.activation_bits);
        }
        widths_.spot_fixed.assign(plan_.spots.size(), false);
        for (const auto& [name, bits] : options_.bits) {
            check_bits(name, bits);
            set_width(name, bits);
        }
    }

    void set_width(const std::string& name, int bits) {
        std::vector<std::string> names;
        for (std::size_t l = 0; l < layers_.size(); ++l) {
            names.push_back(weights_name(l));
            if (names.back() == name) {
                widths_.weights[l] = bits;
                return;
            }
        }
        for (std::size_t s = 0; s < plan_.spots.size(); ++s) {
            names.push_back(spot_name(s));
            if (names.back() == name) {
                widths_.spots[s] = bits;
                widths_.spot_fixed[s] = true;
                return;
            }
        }
        const std::string nearest = nearest_word(name, names);
        throw Error(code::kPtqUnknownName, name,
                    "neither a layer with weights nor a quantised activation has this name",
                    fmt::format("{}the names are: {}",
                                nearest.empty() ? "" : "did you mean " + nearest + "? ",
                                fmt::join(names, ", ")));
    }

    void split(const std::vector<ir::Value>& frames) {
        const std::int64_t count = frames_of(frames);
        if (count == 0) {
            throw Error(code::kPtqNoFrames, "calibration", "there are no frames to calibrate on",
                        "give a few hundred typical frames");
        }
        const std::int64_t judged = count < kLeastToSplit ? 0 : count / kJudgedShare;
        fitted_ = slice(frames, 0, count - judged);
        judged_ = judged == 0 ? fitted_ : slice(frames, count - judged, judged);
    }

    // What the quantisers are, and their ratios of signal to noise.
    void describe(const ir::Graph& reals, const Calibrated& calibrated, Quantised& result) const {
        const std::vector<ir::Value> some =
            slice(judged_, 0, std::min(kReportFrames, frames_of(judged_)));
        const auto wanted = ir::Executor(reals).trace(some);
        const auto found = ir::Executor(result.graph).trace(some);
        const auto values = [](const auto& trace, const std::string& name) {
            return std::get<Tensor<float>>(trace.at(name)).values();
        };
        for (std::size_t n = 0; n < graph_.nodes().size() + 1; ++n) {
            // Inputs first, then what each node needs: its weights, then what is made of its
            // result.
            for (std::size_t l = 0; n > 0 && l < layers_.size(); ++l) {
                if (index_of(layers_[l].node) == n - 1) {
                    const Layer& layer = layers_[l];
                    const auto& before =
                        std::get<Tensor<float>>(*reals.tensor(layer.weights).constant);
                    const auto& after =
                        std::get<Tensor<float>>(*calibrated.graph.tensor(layer.weights).constant);
                    const std::string& output = graph_.tensor(layer.output).name;
                    result.report.quantisers.push_back(
                        {.name = weights_name(l),
                         .is_weights = true,
                         .op = ir::op_name(graph_.node(layer.node).op),
                         .type = calibrated.weights[l][0].type,
                         .has_zero_point = false,
                         .values = before.size(),
                         .snr_db = signal_to_noise_db(before.values(), after.values()),
                         .output_snr_db =
                             signal_to_noise_db(values(wanted, output), values(found, output))});
                }
            }
            for (std::size_t s = 0; s < plan_.spots.size(); ++s) {
                const std::vector<ir::TensorId>& made =
                    n == 0 ? graph_.inputs() : graph_.nodes()[n - 1].outputs;
                if (std::ranges::find(made, plan_.spots[s].tensor) == made.end()) {
                    continue;
                }
                const Levels& levels = calibrated.spots[s];
                std::vector<float> quantised = values(found, spot_name(s));
                std::ranges::transform(quantised, quantised.begin(),
                                       [&](float x) { return levels.quantised(x); });
                result.report.quantisers.push_back(
                    {.name = spot_name(s),
                     .is_weights = false,
                     .op = n == 0 ? "input" : ir::op_name(graph_.nodes()[n - 1].op),
                     .type = levels.type,
                     .has_zero_point = levels.zero != 0.0F,
                     .values = element_count(*graph_.tensor(plan_.spots[s].tensor).shape),
                     .snr_db = signal_to_noise_db(values(wanted, spot_name(s)), quantised)});
            }
        }
    }

    void advise(const ir::Graph& reals, const Calibrated& calibrated, QuantiseReport& report) {
        double products = 0.0;
        for (const Layer& layer : layers_) {
            products += static_cast<double>(layer.groups * layer.rows * layer.columns) *
                        static_cast<double>(Unfold(graph_, layer).pixels());
        }
        const double runs = 2.0 * static_cast<double>(layers_.size() + plan_.spots.size()) + 2.0;
        const auto affordable =
            static_cast<std::int64_t>(std::min(1e6, kAdviceProducts / (products * runs)));
        const std::int64_t count =
            std::min(frames_of(judged_), std::clamp<std::int64_t>(affordable, 2, kReportFrames));
        Widths widths = widths_;
        for (std::size_t s = 0; s < plan_.spots.size(); ++s) {
            widths.spots[s] = calibrated.spots[s].type.bits;
        }
        const std::vector<double> gains =
            gains_db(noises(reals, layers_, plan_, widths, slice(judged_, 0, count), options_));
        for (QuantiserReport& row : report.quantisers) {
            for (std::size_t i = 0; i < gains.size(); ++i) {
                const bool weights = i < layers_.size();
                const std::string name = weights ? weights_name(i) : spot_name(i - layers_.size());
                if (row.is_weights == weights && row.name == name) {
                    row.gain_db = gains[i];
                }
            }
            if (row.gain_db >= kWorthDb && row.type.bits < kMostBits) {
                report.suggestions.push_back({.name = row.name,
                                              .is_weights = row.is_weights,
                                              .bits = row.type.bits + 1,
                                              .gain_db = row.gain_db});
            }
        }
        std::ranges::stable_sort(report.suggestions, std::greater<>(), &Suggestion::gain_db);
        advance(static_cast<std::int64_t>(graph_.nodes().size()));
    }

    const QuantiseOptions& options_;
    const std::function<void(std::int64_t, std::int64_t)>& progress_;
    ir::Graph graph_;
    std::vector<Layer> layers_;
    Plan plan_;
    Widths widths_;
    std::vector<ir::Value> fitted_;
    std::vector<ir::Value> judged_;
    std::int64_t done_ = 0;
    std::int64_t total_ = 0;
};

}  // namespace

Quantised quantise(const ir::Graph& model, const std::vector<ir::Value>& frames,
                   const QuantiseOptions& options,
                   const std::function<void(std::int64_t, std::int64_t)>& progress) {
    refuse_quantisers(model);
    return Quantiser(model, frames, options, progress).run();
}

std::string equalisation_name(Equalisation equalisation) {
    switch (equalisation) {
        case Equalisation::kNone:
            return "none";
        case Equalisation::kWeights:
            return "weights";
        case Equalisation::kActivations:
            return "activations";
        case Equalisation::kBest:
            return "best";
    }
    return {};
}

}  // namespace qloom::ptq
