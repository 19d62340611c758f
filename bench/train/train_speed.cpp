// Seconds per epoch of one recipe's network, batch making included, on one thread, three ways in
// turns:
//   stock   the float network as LibTorch's own modules and its Adam make it
//   float   the float network in the training room
//   qat     the quantisation-aware network in the training room
// Turns make the ratios trustworthy on a machine that others use too; each column is the fastest of
// all rounds. With SAMPLES an epoch is that many made-up ones, so that no dataset is needed.
//
//   bench_train_speed [RECIPE] [ROUNDS] [SAMPLES]
//   bench_train_speed fashion-mnist-mlp         the MLP's ratio
//   bench_train_speed fashion-mnist-cnn 5 2560  the CNN's ratio
//   bench_train_speed cnv-1w1a 5 400            CNV-1W1A in samples a second
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <string>
#include <vector>

#include "base/diagnostic.h"
#include "data/dataset.h"
#include "ir/ops.h"
#include "train/batches.h"
#include "train/model.h"
#include "train/optimiser.h"
#include "train/random.h"
#include "train/recipe.h"
#include "train/schedule.h"

namespace {

using namespace qloom;

double wall_seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

double cpu_seconds() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// The batches of an epoch in memory that stays the same.
struct BatchSource {
    BatchSource(const data::Dataset& dataset, const train::Recipe& recipe)
        : batches(dataset, dataset.size(), recipe.data, recipe.input, recipe.training.batch_size,
                  1),
          width(dataset.sample_size()),
          samples(static_cast<std::size_t>(batches.largest() * width)),
          labels(static_cast<std::size_t>(batches.largest())) {}

    train::Batches batches;
    std::int64_t width;
    std::vector<float> samples;
    std::vector<std::int32_t> labels;
};

class StockNetwork {
public:
    explicit StockNetwork(const train::Recipe& recipe) : optimiser_(make(recipe)) {
        for (torch::Tensor& parameter : network_->parameters()) {
            if (parameter.dim() == 4) {
                parameter.set_data(parameter.data().contiguous(torch::MemoryFormat::ChannelsLast));
            }
        }
    }

    void epoch(BatchSource& source, int index) {
        source.batches.start_epoch(index);
        for (std::int64_t step = 0; step < source.batches.steps(); ++step) {
            const std::int64_t rows = source.batches.fill(step, source.samples, source.labels);
            auto x = torch::from_blob(source.samples.data(), {rows, source.width});
            if (images_.size() == 3) {
                x = x.view({rows, images_[0], images_[1], images_[2]})
                        .contiguous(torch::MemoryFormat::ChannelsLast);
            }
            const auto labels =
                torch::from_blob(source.labels.data(), {rows}, torch::kInt).to(torch::kLong);
            optimiser_.zero_grad();
            torch::nn::functional::cross_entropy(network_->forward(x), labels).backward();
            optimiser_.step();
        }
    }

private:
    // Layers one behind the other; what a stock network does not have (taps) is refused.
    torch::optim::Adam make(const train::Recipe& recipe) {
        images_ = recipe.input.shape;
        const ir::Overloaded add{
            [&](const train::LinearSpec& s) {
                network_->push_back(
                    torch::nn::Linear(torch::nn::LinearOptions(s.inputs, s.outputs).bias(s.bias)));
            },
            [&](const train::ConvSpec& s) {
                network_->push_back(torch::nn::Conv2d(
                    torch::nn::Conv2dOptions(s.channels, s.outputs, {s.kernel[0], s.kernel[1]})
                        .stride({s.stride[0], s.stride[1]})
                        .padding(torch::ExpandingArray<2>({s.pad_begin[0], s.pad_begin[1]}))
                        .groups(s.groups)
                        .bias(s.bias)));
            },
            [&](const train::BatchNormSpec& s) {
                if (flat_) {
                    network_->push_back(torch::nn::BatchNorm1d(s.channels));
                } else {
                    network_->push_back(torch::nn::BatchNorm2d(s.channels));
                }
            },
            [&](const train::ActivationSpec& s) {
                if (s.function == train::Activation::kRelu) {
                    network_->push_back(torch::nn::ReLU());
                } else {
                    network_->push_back(torch::nn::Hardtanh());
                }
            },
            [&](const train::PoolSpec& s) {
                network_->push_back(
                    torch::nn::MaxPool2d(torch::nn::MaxPool2dOptions({s.kernel[0], s.kernel[1]})
                                             .stride({s.stride[0], s.stride[1]})));
            },
            [&](const train::FlattenSpec&) { network_->push_back(torch::nn::Flatten()); },
            [&](const train::DropoutSpec& s) { network_->push_back(torch::nn::Dropout(s.rate)); },
            [&](const auto&) {
                std::fprintf(stderr, "%s has layers that the stock network has not\n",
                             recipe.name.c_str());
                std::exit(1);
            },
        };
        for (const train::LayerSpec& layer : recipe.layers) {
            flat_ = layer.shape.size() == 1;
            std::visit(add, layer.kind);
        }
        return torch::optim::Adam(network_->parameters(), torch::optim::AdamOptions(1e-3));
    }

    Shape images_;
    bool flat_ = false;
    torch::nn::Sequential network_;
    torch::optim::Adam optimiser_;
};

class RoomNetwork {
public:
    explicit RoomNetwork(const train::Recipe& recipe)
        : spec_(recipe.training),
          model_(recipe, 1),
          optimiser_(recipe.training, static_cast<std::int64_t>(model_.parameters().size()),
                     model_.decayed()) {}

    void epoch(BatchSource& source, int index) {
        source.batches.start_epoch(index);
        for (std::int64_t step = 0; step < source.batches.steps(); ++step) {
            const auto rows =
                static_cast<std::size_t>(source.batches.fill(step, source.samples, source.labels));
            const std::span<const float> x(source.samples.data(),
                                           rows * static_cast<std::size_t>(source.width));
            model_.train_step(x, std::span<const std::int32_t>(source.labels.data(), rows),
                              static_cast<std::uint64_t>(step));
            optimiser_.step(model_.parameters(), model_.gradients(), spec_.learning_rate * 0.1);
        }
    }

private:
    train::TrainingSpec spec_;
    train::Model model_;
    train::FlatOptimiser optimiser_;
};

struct Fastest {
    double wall = std::numeric_limits<double>::infinity();
    double cpu = std::numeric_limits<double>::infinity();

    template <class Work>
    void measure(Work work) {
        const double wall_start = wall_seconds();
        const double cpu_start = cpu_seconds();
        work();
        wall = std::min(wall, wall_seconds() - wall_start);
        cpu = std::min(cpu, cpu_seconds() - cpu_start);
    }
};

// Random bytes with random labels.
data::Dataset made_up(const train::Recipe& recipe, std::int64_t samples) {
    data::Dataset dataset;
    Shape shape = recipe.input.shape;
    shape.insert(shape.begin(), samples);
    Tensor<std::uint8_t> values(shape);
    train::Random random(1);
    for (std::uint8_t& value : values) {
        value = static_cast<std::uint8_t>(random.below(256));
    }
    dataset.samples = std::move(values);
    dataset.classes = static_cast<int>(recipe.outputs());
    for (std::int64_t i = 0; i < samples; ++i) {
        dataset.labels.push_back(
            static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(recipe.outputs()))));
    }
    return dataset;
}

}  // namespace

int main(int argc, char** argv) try {
    const train::Recipe recipe = train::load_recipe(argc > 1 ? argv[1] : "fashion-mnist-mlp");
    const int rounds = argc > 2 ? std::atoi(argv[2]) : 7;
    train::set_compute_threads(1);
    Fastest loading;
    data::Dataset dataset;
    loading.measure([&] {
        dataset = argc > 3 ? made_up(recipe, std::atoll(argv[3])) : data::load(recipe.data.train);
    });
    BatchSource source(dataset, recipe);
    StockNetwork stock(recipe);
    RoomNetwork plain(train::without_quantisers(recipe));
    RoomNetwork quantised(recipe);
    Fastest stock_time;
    Fastest plain_time;
    Fastest quantised_time;
    for (int round = 1; round <= rounds; ++round) {
        stock_time.measure([&] { stock.epoch(source, round); });
        plain_time.measure([&] { plain.epoch(source, round); });
        quantised_time.measure([&] { quantised.epoch(source, round); });
    }
    std::printf("%s, %lld samples, batch %lld, one thread, fastest of %d rounds; loading %.3f s\n",
                recipe.name.c_str(), static_cast<long long>(dataset.size()),
                static_cast<long long>(recipe.training.batch_size), rounds, loading.wall);
    std::printf("  %-28s %10s %10s %10s %10s\n", "an epoch", "wall s", "CPU s", "/ stock",
                "samples/s");
    const auto row = [&](const char* name, const Fastest& time) {
        std::printf("  %-28s %10.3f %10.3f %10.2f %10.0f\n", name, time.wall, time.cpu,
                    time.cpu / stock_time.cpu, static_cast<double>(dataset.size()) / time.cpu);
    };
    row("stock LibTorch, float", stock_time);
    row("training room, float", plain_time);
    row("training room, quantised", quantised_time);
    return 0;
} catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
