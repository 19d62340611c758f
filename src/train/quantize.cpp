#include "train/quantize.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/codes/train.h"
#include "base/diagnostic.h"
#include "ir/tidy.h"
#include "train/batches.h"
#include "train/export_model.h"
#include "train/functions.h"
#include "train/layers/network.h"
#include "train/ptq_layers.h"
#include "train/scale_statistics.h"

namespace qloom::train {
namespace {

using torch::Tensor;

Recipe recipe_of(const ImportedModel& model) {
    Recipe recipe;
    recipe.name = model.name;
    recipe.input = model.input;
    recipe.layers = model.layers;
    recipe.start = model.state;
    return recipe;
}

// Columns: the values that one output pixel sees, for one group of channels; (values, pixels of all
// samples).
Tensor seen_by(const ConvSpec& conv, const Tensor& x, std::int64_t group) {
    const std::int64_t channels = conv.channels / conv.groups;
    const Tensor part = torch::constant_pad_nd(
        x.narrow(1, group * channels, channels),
        {conv.pad_begin[1], conv.pad_end[1], conv.pad_begin[0], conv.pad_end[0]});
    const Tensor columns =
        torch::im2col(part.contiguous(), conv.kernel, conv.dilation, {0, 0}, conv.stride);
    return columns.permute({1, 0, 2}).reshape({columns.size(1), -1});
}

// GPTQ (arXiv 2210.17323): columns of W are rounded one after the other; what the rounding of one
// changes in the outputs is made up for by those after it, as far as the inputs, by their second
// moments H, allow.
//   for i:  q_i = round(w_i);  W[:, j > i] -= (w_i - q_i) / U_ii * U_ij,   U upper, U^T U = H^-1
// w (outputs, values), scale (outputs), H (values, values). Returns the rounded values.
Tensor gptq(Tensor w, const Tensor& scale, Tensor h, const QuantiserSpec& spec) {
    const LevelRange levels = level_range(spec);
    const std::int64_t values = w.size(1);
    Tensor diagonal = h.diagonal();
    diagonal += 0.01 * diagonal.mean() + 1e-9;
    const Tensor upper =
        torch::linalg_cholesky(torch::cholesky_inverse(torch::linalg_cholesky(h)), /*upper=*/true);
    Tensor result = torch::empty_like(w);
    for (std::int64_t i = 0; i < values; ++i) {
        const Tensor column = w.select(1, i);
        const Tensor rounded =
            levels.bipolar
                ? torch::where(column >= 0, scale, -scale)
                : torch::clamp(torch::round(column / scale), levels.lo, levels.hi) * scale;
        result.select(1, i).copy_(rounded);
        if (i + 1 < values) {
            const Tensor error = (column - rounded) / upper[i][i];
            w.narrow(1, i + 1, values - i - 1)
                .sub_(torch::outer(error, upper[i].narrow(0, i + 1, values - i - 1)));
        }
    }
    return result;
}

Tensor channel_means(const Tensor& y) {
    return y.dim() == 4 ? y.mean(std::vector<std::int64_t>{0, 2, 3})
                        : y.mean(std::vector<std::int64_t>{0});
}

class Quantisation {
public:
    Quantisation(ImportedModel model, const data::Dataset& calibration,
                 const QuantizeOptions& options)
        : options_(options) {
        read_samples(model.input, calibration);
        fold_norms(model);
        if (options.equalise) {
            equalise(model);
        }
        float_.emplace(recipe_of(model), 1);
        float_->store().load(model.state);
        place_quantisers(model, options.weight_bits, options.activation_bits);
        set_weight_scales(model);
        model_ = std::move(model);
        quantised_.emplace(recipe_of(model_), 1);
        quantised_->store().load(model_.state);
    }

    QuantizeResult run(bool bytes) {
        const torch::NoGradGuard no_gradients;
        quantised_->forward(samples_, {.training = false, .calibrating = true});
        for (const LayerSpec& layer : model_.layers) {
            if (const auto* linear = std::get_if<LinearSpec>(&layer.kind)) {
                correct(layer.name, *linear->weights, nullptr);
            } else if (const auto* conv = std::get_if<ConvSpec>(&layer.kind)) {
                correct(layer.name, *conv->weights, conv);
            }
        }
        QuantizeResult result;
        measure(result);
        TrainedNetwork network = quantised_->trained();
        network.input_is_bytes = bytes;
        result.graph = export_graph(network);
        return result;
    }

private:
    void read_samples(const InputSpec& input, const data::Dataset& calibration) {
        if (calibration.sample_size() != input.features) {
            throw Error(code::kRecipeData, calibration.name,
                        fmt::format("the model takes {} values, but a sample has {}",
                                    input.features, calibration.sample_size()),
                        "calibrate with data of the model's own kind");
        }
        const std::int64_t rows = std::min(options_.samples, calibration.size());
        Tensor samples = torch::empty({rows, input.features});
        std::vector<std::int32_t> labels(static_cast<std::size_t>(rows));
        fill_in_order(calibration, input, 0, span_of(samples), labels);
        samples_ = samples;
    }

    static void set_weight_scales(ImportedModel& model) {
        for (const LayerSpec& layer : model.layers) {
            const auto* linear = std::get_if<LinearSpec>(&layer.kind);
            const auto* conv = std::get_if<ConvSpec>(&layer.kind);
            if (linear == nullptr && conv == nullptr) {
                continue;
            }
            const QuantiserSpec& spec = linear != nullptr ? *linear->weights : *conv->weights;
            const ::qloom::Tensor<float>& weight = array_of(model.state, layer.name + ".weight");
            const bool channels = spec.granularity == Granularity::kChannel;
            const bool transposed = conv != nullptr && conv->transposed;
            const ChannelLayout layout =
                !channels ? ChannelLayout{1, 1, weight.size()}
                : transposed
                    ? ChannelLayout{weight.dim(0), weight.dim(1), weight.dim(2) * weight.dim(3)}
                    : ChannelLayout{1, weight.dim(0), weight.size() / weight.dim(0)};
            std::vector<float> scale = statistics_scale(weight.values(), layout, spec);
            for (float& s : scale) {
                s = std::log(s);
            }
            const auto count = static_cast<std::int64_t>(scale.size());
            model.state.push_back({layer.name + ".weight.log_scale",
                                   ::qloom::Tensor<float>({count}, std::move(scale))});
        }
    }

    // Rounds the weights of a layer and moves its bias, everything before it being quantised
    // already.
    void correct(const std::string& name, const QuantiserSpec& spec, const ConvSpec* conv) {
        torch::Tensor weight = quantised_->store().find(name + ".weight").data();
        if (options_.correct_rounding && !(conv != nullptr && conv->transposed)) {
            torch::Tensor input;
            quantised_->watch(samples_, [&](const std::string& step, std::span<const Stream> inputs,
                                            const torch::Tensor&) {
                if (step == name) {
                    input = inputs[0].x;
                }
            });
            const torch::Tensor scale = quantised_->store()
                                            .find(name + ".weight.log_scale")
                                            .data()
                                            .exp()
                                            .to(torch::kDouble);
            const torch::Tensor flat = weight.contiguous().flatten(1).to(torch::kDouble);
            const std::int64_t groups = conv == nullptr ? 1 : conv->groups;
            const std::int64_t outputs = flat.size(0) / groups;
            std::vector<torch::Tensor> rounded;
            for (std::int64_t g = 0; g < groups; ++g) {
                const torch::Tensor columns =
                    (conv == nullptr ? input.t() : seen_by(*conv, input, g)).to(torch::kDouble);
                const torch::Tensor own = scale.numel() == 1
                                              ? scale.expand({outputs})
                                              : scale.narrow(0, g * outputs, outputs);
                rounded.push_back(gptq(flat.narrow(0, g * outputs, outputs).clone(), own,
                                       torch::mm(columns, columns.t()), spec));
            }
            weight.copy_(torch::cat(rounded).to(torch::kFloat).view(weight.sizes()));
        }
        if (options_.correct_bias) {
            torch::Tensor before;
            torch::Tensor after;
            const auto means_into = [&](torch::Tensor& target) {
                return
                    [&](const std::string& step, std::span<const Stream>, const torch::Tensor& y) {
                        if (step == name) {
                            target = channel_means(y);
                        }
                    };
            };
            float_->watch(samples_, means_into(before));
            quantised_->watch(samples_, means_into(after));
            quantised_->store().find(name + ".bias").data().add_(before - after);
        }
    }

    void measure(QuantizeResult& result) {
        std::map<std::string, torch::Tensor> wanted;
        float_->watch(samples_, [&](const std::string& step, std::span<const Stream>,
                                    const torch::Tensor& y) { wanted[step] = y; });
        double lowest = INFINITY;
        quantised_->watch(samples_, [&](const std::string& step, std::span<const Stream>,
                                        const torch::Tensor& y) {
            const auto found = wanted.find(step);
            if (found == wanted.end()) {
                return;
            }
            const double signal = found->second.to(torch::kDouble).square().sum().item<double>();
            const double noise =
                (found->second - y).to(torch::kDouble).square().sum().item<double>();
            const double decibels = 10.0 * std::log10((signal + 1e-30) / (noise + 1e-30));
            result.layers.push_back({step, decibels});
            const LayerKind& kind = quantised_->recipe().layer(step).kind;
            const bool weights =
                std::holds_alternative<LinearSpec>(kind) || std::holds_alternative<ConvSpec>(kind);
            if (weights && decibels < lowest) {
                lowest = decibels;
                result.weakest = step;
            }
        });
    }

    QuantizeOptions options_;
    ImportedModel model_;
    torch::Tensor samples_;  // as the first layer sees them
    std::optional<Network> float_;
    std::optional<Network> quantised_;
};

}  // namespace

QuantizeResult quantize(const ir::Graph& graph, const data::Dataset& calibration,
                        const QuantizeOptions& options) {
    ImportedModel model = import_graph(ir::tidy(graph));
    for (double& scale : model.input.scale) {
        scale *= options.input_scale;
    }
    return Quantisation(std::move(model), calibration, options).run(calibration.is_bytes());
}

}  // namespace qloom::train
