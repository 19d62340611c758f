#include "train/budget.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>

#include "base/codes/train.h"
#include "base/diagnostic.h"
#include "data/dataset.h"
#include "train/batches.h"
#include "train/export_model.h"
#include "train/model.h"
#include "train/optimiser.h"
#include "train/recipe_data.h"

namespace qloom::train {
namespace {

constexpr int kMostWidth = 8;
constexpr int kUpdatesPerEpoch = 24;  // of the widths
constexpr int kPricesPerEpoch = 6;    // of slopes; the price itself at every change
constexpr double kStride = 0.3;       // bits, at most, of one update
constexpr double kForgetting = 0.97;  // of the mean slope of the loss, a step
constexpr double kMargin =
    0.98;  // of the limit: the last epochs move weights, and with them widths of sums
constexpr double kSearchRate = 0.3;  // of the recipe's learning rate

int least_bits(const QuantiserSpec& spec) { return spec.type.is_signed ? 2 : 1; }

class Search {
public:
    Search(const Recipe& recipe, const TrainOptions& options, const Budget& budget,
           const ProgressSink& sink)
        : recipe_(recipe), options_(options), budget_(budget), sink_(sink) {
        recipe_.training.epochs = options.epochs.value_or(recipe.training.epochs);
        recipe_.training.seed = options.seed.value_or(recipe.training.seed);
        list_widths();
    }

    BudgetedRecipe run() {
        const auto start = std::chrono::steady_clock::now();
        data_ = data::load(recipe_.data.train,
                           {.directory = options_.data_directory.empty()
                                             ? std::filesystem::path(recipe_.data.directory)
                                             : options_.data_directory,
                            .limit = std::nullopt});
        check_recipe_data(recipe_, data_);
        set_compute_threads(options_.threads);
        model_.emplace(recipe_, recipe_.training.seed, options_.device);
        refuse_the_impossible();
        search();
        settle();
        BudgetedRecipe result{.recipe = recipe_};
        result.recipe.start = model_->state();
        for (std::size_t i = 0; i < names_.size(); ++i) {
            result.widths.push_back({.quantiser = names_[i],
                                     .bits = bits_[i],
                                     .loss_slope = loss_slope_[i],
                                     .price_slope = price_slope_[i]});
        }
        result.price = price_;
        result.prices_asked = asked_;
        result.seconds =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        return result;
    }

private:
    void list_widths() {
        for (const LayerSpec& layer : recipe_.layers) {
            const auto* pool = std::get_if<PoolSpec>(&layer.kind);
            const auto* linear = std::get_if<LinearSpec>(&layer.kind);
            const auto* conv = std::get_if<ConvSpec>(&layer.kind);
            const bool bounded = (linear != nullptr && linear->accumulator) ||
                                 (conv != nullptr && conv->accumulator);
            if (bounded || (pool != nullptr && pool->kind == PoolKind::kTruncAverage)) {
                throw Error(code::kRecipeData, recipe_.name,
                            fmt::format("the width that {} gives or takes is fixed", layer.name),
                            "leave out --budget, or accumulator and trunc_avg_pool");
            }
            for (const std::string& name : {layer.name + ".weight", layer.name}) {
                const QuantiserSpec* spec = find_quantiser(recipe_, name);
                if (spec != nullptr && !spec->is_bipolar() &&
                    spec->source != ScaleSource::kConstant) {
                    names_.push_back(name);
                    bits_.push_back(std::max(spec->type.bits, least_bits(*spec)));
                }
            }
        }
        if (names_.empty()) {
            throw Error(code::kRecipeData, recipe_.name, "no quantiser has a width to learn",
                        "give one of 2 bits and more whose scale is not constant");
        }
        real_.assign(bits_.begin(), bits_.end());
        loss_slope_.assign(names_.size(), 0.0);
        price_slope_.assign(names_.size(), 0.0);
    }

    [[nodiscard]] int least(std::size_t i) {
        return least_bits(*find_quantiser(recipe_, names_[i]));
    }

    // The network at hand with other widths, its price; it stays as it is.
    double price_with(const std::vector<int>& bits) {
        Recipe recipe = recipe_;
        State state = model_->state();
        set_widths(recipe, state, named(bits));
        recipe.start = std::move(state);
        TrainedNetwork network = Model(recipe, recipe.training.seed).trained();
        network.input_is_bytes = data_.is_bytes();
        ++asked_;
        return budget_.price(export_graph(network));
    }
    [[nodiscard]] std::map<std::string, int> named(const std::vector<int>& bits) const {
        std::map<std::string, int> result;
        for (std::size_t i = 0; i < names_.size(); ++i) {
            result[names_[i]] = bits[i];
        }
        return result;
    }

    void take(const std::vector<int>& bits) {
        if (bits == bits_ && model_of_ == bits) {
            return;
        }
        State state = model_->state();
        set_widths(recipe_, state, named(bits));
        Recipe recipe = recipe_;
        recipe.start = std::move(state);
        model_.emplace(recipe, recipe.training.seed, options_.device);
        bits_ = bits;
        model_of_ = bits;
    }

    void refuse_the_impossible() {
        std::vector<int> smallest;
        for (std::size_t i = 0; i < names_.size(); ++i) {
            smallest.push_back(least(i));
        }
        const double price = price_with(smallest);
        if (price > budget_.limit) {
            throw Error(
                code::kBudgetUnreachable, recipe_.name,
                fmt::format("with the least widths it costs {:.0f}, and the budget is {:.0f}",
                            price, budget_.limit),
                "give a larger budget, a lower rate, or a smaller network");
        }
    }

    void find_price_slopes() {
        price_ = price_with(bits_);
        for (std::size_t i = 0; i < names_.size(); ++i) {
            std::vector<int> other = bits_;
            const bool down = bits_[i] > least(i);
            other[i] += down ? -1 : 1;
            const double difference = price_with(other) - price_;
            price_slope_[i] = down ? -difference : difference;
        }
    }

    void search() {
        const TrainingSpec& spec = recipe_.training;
        const int epochs = std::max(1, spec.epochs / 4);
        Batches batches(data_, data_.size() - recipe_.data.holdout, recipe_.data, recipe_.input,
                        spec.batch_size, spec.seed);
        std::vector<float> samples(
            static_cast<std::size_t>(batches.largest() * data_.sample_size()));
        std::vector<std::int32_t> labels(static_cast<std::size_t>(batches.largest()));
        FlatOptimiser optimiser(spec, static_cast<std::int64_t>(model_->parameters().size()),
                                model_->decayed());
        const std::int64_t stride = std::max<std::int64_t>(1, batches.steps() / kUpdatesPerEpoch);
        const std::int64_t long_stride = stride * (kUpdatesPerEpoch / kPricesPerEpoch);
        std::int64_t done = 0;
        for (int epoch = 1; epoch <= epochs; ++epoch) {
            batches.start_epoch(epoch);
            for (std::int64_t step = 0; step < batches.steps(); ++step, ++done) {
                const auto rows = static_cast<std::size_t>(batches.fill(step, samples, labels));
                WidthPulls pulls;
                const LossSums sums =
                    model_->train_step(std::span<const float>(samples).first(
                                           rows * static_cast<std::size_t>(data_.sample_size())),
                                       std::span<const std::int32_t>(labels).first(rows),
                                       static_cast<std::uint64_t>(done), {}, nullptr, {}, &pulls);
                if (!std::isfinite(sums.loss)) {
                    throw Error(code::kTrainDiverged, recipe_.name,
                                fmt::format("the loss is not a number in the search for widths, at "
                                            "step {}",
                                            done + 1),
                                "lower learning_rate, or add batch_norm layers");
                }
                optimiser.step(model_->parameters(), model_->gradients(),
                               spec.learning_rate * kSearchRate);
                model_->parameters_changed();
                for (std::size_t i = 0; i < names_.size(); ++i) {
                    loss_slope_[i] =
                        kForgetting * loss_slope_[i] + (1.0 - kForgetting) * pulls[names_[i]];
                }
                report(epoch, epochs, step + 1, batches.steps(), sums.loss);
                // The first slopes are those of weights that mean nothing yet.
                if (done >= 2 * long_stride && done % stride == 0) {
                    if (done % long_stride == 0 || lambda_ == 0.0) {
                        find_price_slopes();
                    }
                    update();
                }
            }
        }
        find_price_slopes();
    }

    // A step of the real widths down the slope of loss + lambda * price / limit. Its length depends
    // on how the two pulls balance, not on how large they are.
    void update() {
        std::vector<double> costs;
        double pull = 0.0;
        double weight = 0.0;
        for (std::size_t i = 0; i < names_.size(); ++i) {
            costs.push_back(std::max(price_slope_[i], 0.0) / budget_.limit);
            pull += std::fabs(loss_slope_[i]);
            weight += costs[i];
        }
        if (lambda_ == 0.0) {
            lambda_ = weight > 0.0 ? pull / weight : 0.0;
        }
        lambda_ *=
            std::exp(std::clamp(2.0 * (price_ / (kMargin * budget_.limit) - 1.0), -0.5, 0.5));
        std::vector<int> bits = bits_;
        for (std::size_t i = 0; i < names_.size(); ++i) {
            const double down = lambda_ * costs[i];
            const double slope = loss_slope_[i] + down;
            const double size = std::fabs(loss_slope_[i]) + down;
            real_[i] = std::clamp(real_[i] - (size > 0.0 ? kStride * slope / size : 0.0),
                                  static_cast<double>(least(i)), static_cast<double>(kMostWidth));
            bits[i] = static_cast<int>(std::lround(real_[i]));
        }
        if (bits != bits_) {
            take(bits);
            price_ = price_with(bits_);
        }
    }

    // What quantiser i's width loses or gains by a bit: its noise shrinks to a quarter with each.
    [[nodiscard]] double loss_of_last_bit(std::size_t i) const {
        return 3.0 * std::max(-loss_slope_[i], 1e-12);
    }
    [[nodiscard]] double gain_of_next_bit(std::size_t i) const {
        return 0.75 * std::max(-loss_slope_[i], 0.0);
    }

    void settle() {
        std::vector<int> bits = bits_;
        std::vector<double> factor(names_.size(), 1.0);  // of the loss slope, bits having changed
        double price = price_;
        while (price > kMargin * budget_.limit) {
            std::optional<std::size_t> best;
            double best_ratio = std::numeric_limits<double>::infinity();
            double best_price = 0.0;
            for (std::size_t i = 0; i < names_.size(); ++i) {
                if (bits[i] <= least(i)) {
                    continue;
                }
                std::vector<int> other = bits;
                --other[i];
                const double lower = price_with(other);
                const double ratio =
                    factor[i] * loss_of_last_bit(i) / std::max(price - lower, 1e-9);
                if (lower < price && ratio < best_ratio) {
                    best = i;
                    best_ratio = ratio;
                    best_price = lower;
                }
            }
            if (!best) {
                break;  // no single bit makes it cheaper: all of them to the least
            }
            --bits[*best];
            factor[*best] *= 4.0;
            price = best_price;
        }
        if (price > budget_.limit) {
            for (std::size_t i = 0; i < names_.size(); ++i) {
                bits[i] = least(i);
            }
            price = price_with(bits);
        }
        while (true) {
            std::optional<std::size_t> best;
            double best_ratio = 0.0;
            double best_price = 0.0;
            for (std::size_t i = 0; i < names_.size(); ++i) {
                if (bits[i] >= kMostWidth) {
                    continue;
                }
                std::vector<int> other = bits;
                ++other[i];
                const double higher = price_with(other);
                const double ratio =
                    factor[i] * gain_of_next_bit(i) / std::max(higher - price, 1.0);
                if (higher <= kMargin * budget_.limit && ratio > best_ratio) {
                    best = i;
                    best_ratio = ratio;
                    best_price = higher;
                }
            }
            if (!best) {
                break;
            }
            ++bits[*best];
            factor[*best] *= 0.25;
            price = best_price;
        }
        take(bits);
        price_ = price;
    }

    void report(int epoch, int epochs, std::int64_t step, std::int64_t steps, double loss) {
        if (sink_) {
            sink_({.phase = Phase::kSearching,
                   .epoch = epoch,
                   .epochs = epochs,
                   .step = step,
                   .steps = steps,
                   .loss = loss,
                   .price = price_});
        }
    }

    Recipe recipe_;
    const TrainOptions& options_;
    const Budget& budget_;
    const ProgressSink& sink_;
    data::Dataset data_;
    std::optional<Model> model_;
    std::vector<std::string> names_;
    std::vector<int> bits_;
    std::vector<int> model_of_;  // the widths that model_ was made with; empty: the recipe's
    std::vector<double> real_;
    std::vector<double> loss_slope_;
    std::vector<double> price_slope_;
    double price_ = 0.0;
    double lambda_ = 0.0;
    int asked_ = 0;
};

}  // namespace

BudgetedRecipe fit_budget(const Recipe& recipe, const TrainOptions& options, const Budget& budget,
                          const ProgressSink& progress) {
    return Search(recipe, options, budget, progress).run();
}

}  // namespace qloom::train
