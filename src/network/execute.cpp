#include "network/execute.h"

#include <cblas.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <future>
#include <limits>
#include <optional>
#include <thread>

#include "network/execute_windows.h"
#include "network/xnor.h"

namespace qloom::network {
namespace {

constexpr std::int64_t kFloatExact = std::int64_t{1} << 24;
constexpr std::int64_t kDoubleExact = std::int64_t{1} << 53;

std::int64_t magnitude(Range range) { return std::max(std::abs(range.lo), std::abs(range.hi)); }

bool fits_float(Range range) { return magnitude(range) <= kFloatExact; }

// The largest magnitude any partial sum of a row can reach, so that a float product is known to be exact.
std::int64_t largest_partial_sum(const MatrixVector& unit, Range input) {
    std::int64_t largest = 0;
    for (std::int64_t row = 0; row < unit.matrix_height(); ++row) {
        std::int64_t sum = 0;
        for (std::int64_t column = 0; column < unit.matrix_width(); ++column) {
            sum += std::abs(static_cast<std::int64_t>(unit.weights[row * unit.matrix_width() + column]));
        }
        largest = std::max(largest, sum);
    }
    return largest * magnitude(input);
}

// y (rows x m) = x (rows x k) * w^T, w (m x k), row-major.
void multiply(const float* x, const float* w, float* y, std::int64_t rows, std::int64_t m, std::int64_t k) {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<int>(rows), static_cast<int>(m),
                static_cast<int>(k), 1.0F, x, static_cast<int>(k), w, static_cast<int>(k), 0.0F, y,
                static_cast<int>(m));
}
void multiply(const double* x, const double* w, double* y, std::int64_t rows, std::int64_t m, std::int64_t k) {
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<int>(rows), static_cast<int>(m),
                static_cast<int>(k), 1.0, x, static_cast<int>(k), w, static_cast<int>(k), 0.0, y, static_cast<int>(m));
}

template <class T>
Tensor<T> converted(const Frames& frames) {
    return std::visit(
        [](const auto& tensor) {
            Tensor<T> result(tensor.shape());
            std::transform(tensor.begin(), tensor.end(), result.begin(), [](auto value) { return static_cast<T>(value); });
            return result;
        },
        frames);
}

// Weights in the form the matrix product wants: XNOR(x, w) summed is sum (2w - 1) x + #{w == 0}, so it runs as a
// product with +-1 weights and a constant a row.
template <class T>
struct ProductWeights {
    std::vector<T> matrix;
    std::vector<T> offset;
};

template <class T>
ProductWeights<T> product_weights(const MatrixVector& unit) {
    ProductWeights<T> result;
    const bool is_xnor = unit.arithmetic == MatrixVector::Arithmetic::kXnorPopcount;
    result.matrix.reserve(unit.weights.values().size());
    for (const std::int32_t weight : unit.weights) {
        result.matrix.push_back(static_cast<T>(is_xnor ? 2 * weight - 1 : weight));
    }
    if (is_xnor) {
        const std::int64_t width = unit.matrix_width();
        for (std::int64_t row = 0; row < unit.matrix_height(); ++row) {
            const auto begin = unit.weights.begin() + row * width;
            result.offset.push_back(static_cast<T>(std::count(begin, begin + width, 0)));
        }
    }
    return result;
}

}  // namespace

Frames frames_from(const Tensor<std::int64_t>& values, Range range) {
    const auto convert = [&](auto zero) {
        Tensor<decltype(zero)> result(values.shape());
        std::transform(values.begin(), values.end(), result.begin(),
                       [](std::int64_t value) { return static_cast<decltype(zero)>(value); });
        return Frames(std::move(result));
    };
    return fits_float(range) ? convert(0.0F) : convert(0.0);
}

Tensor<std::int64_t> integers_of(const Frames& frames) { return converted<std::int64_t>(frames); }

struct Executor::Plan {
    Network network;
    // Per layer; only matrix layers fill one of the two.
    std::vector<ProductWeights<float>> float_weights;
    std::vector<ProductWeights<double>> double_weights;
    // Products of bits, with the sliding window in front of them where it has no other reader.
    std::vector<std::optional<XnorProduct>> packed;
    std::vector<bool> is_taken_along;  // a sliding window that its product computes

    explicit Plan(const Network& source) : network(source) {
        float_weights.resize(network.layers.size());
        double_weights.resize(network.layers.size());
        for (std::size_t i = 0; i < network.layers.size(); ++i) {
            const Layer& layer = network.layers[i];
            if (const auto* unit = std::get_if<MatrixVector>(&layer.kind)) {
                const Range input = network.stream(layer.inputs[0]).range;
                const std::int64_t bound = largest_partial_sum(*unit, input);
                QLOOM_ASSERT(bound <= kDoubleExact, "an accumulator stays exact in double");
                if (bound <= kFloatExact) {
                    float_weights[i] = product_weights<float>(*unit);
                } else {
                    double_weights[i] = product_weights<double>(*unit);
                }
            }
        }
        pack_products();
    }

    void pack_products() {
        packed.resize(network.layers.size());
        is_taken_along.resize(network.layers.size(), false);
        const std::vector<int> readers = network.reader_counts();
        std::vector<std::size_t> maker(network.streams.size(), network.layers.size());
        for (std::size_t i = 0; i < network.layers.size(); ++i) {
            const Layer& layer = network.layers[i];
            for (const StreamId output : layer.outputs) {
                maker[index_of(output)] = i;
            }
            const auto* unit = std::get_if<MatrixVector>(&layer.kind);
            if (unit == nullptr || unit->arithmetic != MatrixVector::Arithmetic::kXnorPopcount) {
                continue;
            }
            const std::size_t input = index_of(layer.inputs[0]);
            const SlidingWindow* window = nullptr;
            if (maker[input] != network.layers.size() && readers[input] == 1) {
                window = std::get_if<SlidingWindow>(&network.layers[maker[input]].kind);
            }
            const Layer& first = window != nullptr ? network.layers[maker[input]] : layer;
            packed[i].emplace(*unit, window, network.stream(first.inputs[0]).shape);
            if (window != nullptr) {
                is_taken_along[maker[input]] = true;
            }
        }
    }

    // Frames that are computed together: few enough that their largest stream stays near the processor.
    [[nodiscard]] std::int64_t block_frames() const {
        constexpr std::int64_t kElements = std::int64_t{1} << 20;
        std::int64_t largest = 1;
        for (const Stream& stream : network.streams) {
            largest = std::max(largest, stream.elements());
        }
        return std::clamp<std::int64_t>(kElements / largest, 1, 256);
    }

    std::vector<Frames> execute(const std::vector<Frames>& inputs, bool keep_all) const;
};

namespace {

// Runs one layer on the frames of its inputs. T is the type that holds the inputs and the output exactly.
template <class T>
class LayerRunner {
public:
    LayerRunner(const Network& network, const Layer& layer, std::vector<const Tensor<T>*> inputs)
        : network_(network), layer_(layer), inputs_(std::move(inputs)), frames_(inputs_[0]->dim(0)) {
        for (const StreamId output : layer.outputs) {
            Shape shape = network.stream(output).shape;
            shape.insert(shape.begin(), frames_);
            outputs_.emplace_back(std::move(shape));
        }
    }

    std::vector<Tensor<T>> take() { return std::move(outputs_); }

    void operator()(const MatrixVector&) { QLOOM_ASSERT(false, "matrix products run on BLAS"); }

    void operator()(const Threshold& unit) {
        const std::int64_t rows = unit.thresholds.dim(0);
        const std::int64_t steps = unit.thresholds.dim(1);
        const std::int64_t channels = inputs_[0]->dim(-1);
        if (steps <= kLinearSteps) {
            count_all(unit, channels);
            return;
        }
        std::vector<T> table(unit.thresholds.values().size());
        std::transform(unit.thresholds.begin(), unit.thresholds.end(), table.begin(),
                       [](std::int64_t value) { return static_cast<T>(value); });
        for (std::int64_t i = 0; i < inputs_[0]->size(); ++i) {
            const std::int64_t row = rows == 1 ? 0 : i % channels;
            const T* thresholds = table.data() + row * steps;
            const auto count = std::upper_bound(thresholds, thresholds + steps, (*inputs_[0])[i]) - thresholds;
            const bool down = !unit.decreasing.empty() && unit.decreasing[static_cast<std::size_t>(row)];
            outputs_[0][i] = static_cast<T>(unit.out_bias + (down ? steps - count : count));
        }
    }
    void operator()(const Lookup& unit) {
        const std::int64_t width = unit.table.dim(1);
        each_channel(unit.table.dim(0), [&](std::int64_t row, T x) {
            return static_cast<T>(unit.table[row * width + static_cast<std::int64_t>(x) - unit.input_lo]);
        });
    }
    void operator()(const Requantize& unit) {
        each_channel(static_cast<std::int64_t>(unit.mul.size()), [&](std::int64_t row, T x) {
            const auto index = static_cast<std::size_t>(row);
            const std::int64_t sum = unit.mul[index] * static_cast<std::int64_t>(x) + unit.add[index];
            return static_cast<T>(std::clamp(sum >> unit.shift, unit.lo, unit.hi));
        });
    }
    void operator()(const ChannelAffine& unit) {
        each_channel(static_cast<std::int64_t>(unit.mul.size()), [&](std::int64_t row, T x) {
            const auto index = static_cast<std::size_t>(row);
            return static_cast<T>(unit.mul[index]) * x + static_cast<T>(unit.add[index]);
        });
    }
    void operator()(const Add& unit) {
        Tensor<T>& y = outputs_[0];
        std::fill(y.begin(), y.end(), T(0));
        for (std::size_t k = 0; k < inputs_.size(); ++k) {
            const T factor = static_cast<T>(unit.multipliers[k]);
            for (std::int64_t i = 0; i < y.size(); ++i) {
                y[i] += factor * (*inputs_[k])[i];
            }
        }
    }
    void operator()(const Multiply&) {
        const Tensor<T>& a = *inputs_[0];
        const Tensor<T>& b = *inputs_[1];
        const std::int64_t a_frame = a.size() / frames_;
        const std::int64_t b_frame = b.size() / frames_;
        for (std::int64_t i = 0; i < a.size(); ++i) {
            outputs_[0][i] = a[i] * b[i / a_frame * b_frame + i % a_frame % b_frame];
        }
    }
    void operator()(const Concat&) {
        const std::int64_t total = outputs_[0].dim(-1);
        std::int64_t at = 0;
        for (const Tensor<T>* part : inputs_) {
            const std::int64_t channels = part->dim(-1);
            for (std::int64_t i = 0; i < part->size() / channels; ++i) {
                std::copy_n(part->data() + i * channels, channels, outputs_[0].data() + i * total + at);
            }
            at += channels;
        }
    }
    void operator()(const Split&) {
        const std::int64_t total = inputs_[0]->dim(-1);
        std::int64_t at = 0;
        for (Tensor<T>& part : outputs_) {
            const std::int64_t channels = part.dim(-1);
            for (std::int64_t i = 0; i < part.size() / channels; ++i) {
                std::copy_n(inputs_[0]->data() + i * total + at, channels, part.data() + i * channels);
            }
            at += channels;
        }
    }
    void operator()(const Argmax&) {
        const std::int64_t count = inputs_[0]->size() / frames_;
        for (std::int64_t frame = 0; frame < frames_; ++frame) {
            const T* begin = inputs_[0]->data() + frame * count;
            outputs_[0][frame] = static_cast<T>(std::max_element(begin, begin + count) - begin);
        }
    }
    void operator()(const Reshape&) { std::copy(inputs_[0]->begin(), inputs_[0]->end(), outputs_[0].begin()); }
    void operator()(const SlidingWindow& unit) {
        const std::vector<T> pad(static_cast<std::size_t>(in_geometry().channels), static_cast<T>(unit.pad_value));
        each_frame([&](const T* x, T* y) { gather_windows(unit, in_geometry(), out_geometry(), pad.data(), x, y); });
    }
    void operator()(const VectorVector& unit) {
        const std::int64_t windows = outputs_[0].size() / unit.weights.dim(0);
        depthwise_product(unit, windows, inputs_[0]->data(), outputs_[0].data());
    }
    void operator()(const WindowReduce& unit) {
        const std::int64_t channels = outputs_[0].dim(-1);
        for (std::int64_t i = 0; i < outputs_[0].size() / channels; ++i) {
            reduce_positions(unit.reduction, unit.positions, channels, inputs_[0]->data() + i * unit.positions * channels,
                             outputs_[0].data() + i * channels);
        }
    }
    void operator()(const GlobalReduce& unit) {
        const Geometry in = in_geometry();
        each_frame([&](const T* x, T* y) { reduce_positions(unit.reduction, in.height * in.width, in.channels, x, y); });
    }
    void operator()(const Upsample& unit) {
        each_frame([&](const T* x, T* y) { repeat_pixels(unit.factors, in_geometry(), out_geometry(), x, y); });
    }
    void operator()(const InsertPixels& unit) {
        each_frame([&](const T* x, T* y) { insert_pixels(unit, in_geometry(), out_geometry(), x, y); });
    }
    void operator()(const PermuteChannels& unit) {
        const auto channels = static_cast<std::int64_t>(unit.order.size());
        for (std::int64_t i = 0; i < outputs_[0].size(); ++i) {
            outputs_[0][i] = (*inputs_[0])[i - i % channels + unit.order[static_cast<std::size_t>(i % channels)]];
        }
    }
    void operator()(const DepthToSpace& unit) {
        each_frame([&](const T* x, T* y) { depth_to_space(unit, in_geometry(), out_geometry(), x, y); });
    }

private:
    // Above so many steps a binary search beats comparing with every threshold.
    static constexpr std::int64_t kLinearSteps = 32;

    // Nothing overlaps: the loop becomes one of vectors.
    static void count_step(const T* __restrict x, const T* __restrict thresholds, const T* __restrict step,
                           std::int64_t channels, T* __restrict y) {
        for (std::int64_t c = 0; c < channels; ++c) {
            y[c] += step[c] * static_cast<T>(x[c] >= thresholds[c] ? 1 : 0);
        }
    }

    // Thresholds step-major, so that the inner loop runs over neighbouring channels and vectorises.
    void count_all(const Threshold& unit, std::int64_t channels) {
        const std::int64_t rows = unit.thresholds.dim(0);
        const std::int64_t steps = unit.thresholds.dim(1);
        const auto width = static_cast<std::size_t>(channels);
        std::vector<T> table(width * static_cast<std::size_t>(steps));
        std::vector<T> start(width, static_cast<T>(unit.out_bias));
        std::vector<T> step(width, T(1));
        for (std::size_t channel = 0; channel < width; ++channel) {
            const std::int64_t row = rows == 1 ? 0 : static_cast<std::int64_t>(channel);
            for (std::int64_t t = 0; t < steps; ++t) {
                table[static_cast<std::size_t>(t) * width + channel] = static_cast<T>(unit.thresholds[row * steps + t]);
            }
            if (!unit.decreasing.empty() && unit.decreasing[static_cast<std::size_t>(row)]) {
                start[channel] = static_cast<T>(unit.out_bias + steps);
                step[channel] = T(-1);
            }
        }
        const std::int64_t vectors = inputs_[0]->size() / channels;
        for (std::int64_t i = 0; i < vectors; ++i) {
            T* y = outputs_[0].data() + i * channels;
            std::copy(start.begin(), start.end(), y);
            for (std::int64_t t = 0; t < steps; ++t) {
                count_step(inputs_[0]->data() + i * channels, table.data() + t * channels, step.data(), channels, y);
            }
        }
    }
    [[nodiscard]] Geometry in_geometry() const { return geometry_of(network_.stream(layer_.inputs[0]).shape); }
    [[nodiscard]] Geometry out_geometry() const { return geometry_of(network_.stream(layer_.outputs[0]).shape); }
    template <class F>
    void each_frame(F function) {
        for (std::int64_t frame = 0; frame < frames_; ++frame) {
            function(inputs_[0]->data() + frame * (inputs_[0]->size() / frames_),
                     outputs_[0].data() + frame * (outputs_[0].size() / frames_));
        }
    }
    template <class F>
    void each_channel(std::int64_t rows, F function) {
        const std::int64_t channels = inputs_[0]->dim(-1);
        for (std::int64_t i = 0; i < inputs_[0]->size(); ++i) {
            outputs_[0][i] = function(rows == 1 ? 0 : i % channels, (*inputs_[0])[i]);
        }
    }

    const Network& network_;
    const Layer& layer_;
    std::vector<const Tensor<T>*> inputs_;
    std::int64_t frames_;
    std::vector<Tensor<T>> outputs_;
};

// y = W x for every vector, in T.
template <class T>
Frames run_product(const Layer& layer, const Network& network, const ProductWeights<T>& weights, const Tensor<T>& x) {
    const auto& unit = std::get<MatrixVector>(layer.kind);
    const std::int64_t k = unit.matrix_width();
    const std::int64_t m = unit.matrix_height();
    const std::int64_t rows = x.size() / k;
    Shape shape = network.stream(layer.outputs[0]).shape;
    shape.insert(shape.begin(), x.dim(0));
    Tensor<T> y(std::move(shape));
    multiply(x.data(), weights.matrix.data(), y.data(), rows, m, k);
    if (!weights.offset.empty()) {
        for (std::int64_t i = 0; i < y.size(); ++i) {
            y[i] += weights.offset[static_cast<std::size_t>(i % m)];
        }
    }
    return y;
}

template <class T>
const Tensor<T>& as(const Frames& frames, Tensor<T>& storage) {
    if (const auto* same = std::get_if<Tensor<T>>(&frames)) {
        return *same;
    }
    storage = converted<T>(frames);
    return storage;
}

Frames run_packed(const Layer& layer, const Network& network, const XnorProduct& product, const Frames& operand) {
    Tensor<float> storage;
    const auto& x = as<float>(operand, storage);
    Shape shape = network.stream(layer.outputs[0]).shape;
    shape.insert(shape.begin(), x.dim(0));
    Tensor<float> y(std::move(shape));
    product.run(x.data(), x.dim(0), y.data());
    return y;
}

// Frames [first, first + count).
Frames slice(const Frames& frames, std::int64_t first, std::int64_t count) {
    return std::visit(
        [&](const auto& tensor) -> Frames {
            Shape shape = tensor.shape();
            const std::int64_t size = tensor.size() / shape[0];
            shape[0] = count;
            std::decay_t<decltype(tensor)> part(std::move(shape));
            std::copy_n(tensor.data() + first * size, count * size, part.data());
            return part;
        },
        frames);
}

class OneBlasThread {
public:
    OneBlasThread() { openblas_set_num_threads(1); }
    ~OneBlasThread() { openblas_set_num_threads(before_); }
    OneBlasThread(const OneBlasThread&) = delete;
    OneBlasThread& operator=(const OneBlasThread&) = delete;

private:
    int before_ = openblas_get_num_threads();
};

void place(const Frames& part, std::int64_t first, Frames& whole) {
    std::visit(
        [&](const auto& from) {
            auto& to = std::get<std::decay_t<decltype(from)>>(whole);
            const std::int64_t size = to.size() / to.dim(0);
            std::copy(from.begin(), from.end(), to.data() + first * size);
        },
        part);
}

template <class T>
std::vector<Frames> run_layer(const Network& network, const Layer& layer, const std::vector<const Frames*>& inputs) {
    std::vector<Tensor<T>> storage(inputs.size());
    std::vector<const Tensor<T>*> operands;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        operands.push_back(&as<T>(*inputs[i], storage[i]));
    }
    LayerRunner<T> runner(network, layer, operands);
    std::visit(runner, layer.kind);
    std::vector<Frames> outputs;
    for (Tensor<T>& output : runner.take()) {
        outputs.emplace_back(std::move(output));
    }
    return outputs;
}

}  // namespace

std::vector<Frames> Executor::Plan::execute(const std::vector<Frames>& inputs, bool keep_all) const {
    QLOOM_ASSERT(inputs.size() == network.inputs.size(), "one entry a network input");
    std::vector<Frames> values(network.streams.size());
    std::vector<int> readers = network.reader_counts();
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        values[index_of(network.inputs[i])] = inputs[i];
    }
    for (std::size_t i = 0; i < network.layers.size(); ++i) {
        const Layer& layer = network.layers[i];
        std::vector<const Frames*> operands;
        bool in_float = true;
        for (const StreamId input : layer.inputs) {
            operands.push_back(&values[index_of(input)]);
            in_float = in_float && fits_float(network.stream(input).range);
        }
        for (const StreamId output : layer.outputs) {
            in_float = in_float && fits_float(network.stream(output).range);
        }
        std::vector<Frames> results;
        if (is_taken_along[i] && !keep_all) {
            // The product that follows reads what is in front of the window.
            results.push_back(*operands[0]);
        } else if (packed[i] && !keep_all) {
            results.push_back(run_packed(layer, network, *packed[i], *operands[0]));
        } else if (std::holds_alternative<MatrixVector>(layer.kind)) {
            if (!float_weights[i].matrix.empty()) {
                Tensor<float> storage;
                results.push_back(run_product(layer, network, float_weights[i], as<float>(*operands[0], storage)));
            } else {
                Tensor<double> storage;
                results.push_back(run_product(layer, network, double_weights[i], as<double>(*operands[0], storage)));
            }
        } else {
            results = in_float ? run_layer<float>(network, layer, operands) : run_layer<double>(network, layer, operands);
        }
        for (std::size_t k = 0; k < results.size(); ++k) {
            values[index_of(layer.outputs[k])] = std::move(results[k]);
        }
        for (const StreamId input : layer.inputs) {
            if (--readers[index_of(input)] == 0 && !keep_all) {
                values[index_of(input)] = Frames{};
            }
        }
    }
    if (keep_all) {
        return values;
    }
    std::vector<Frames> outputs;
    for (const StreamId output : network.outputs) {
        outputs.push_back(values[index_of(output)]);
    }
    return outputs;
}

Executor::Executor(const Network& network) : plan_(std::make_unique<Plan>(network)) {}
Executor::~Executor() = default;
Executor::Executor(Executor&&) noexcept = default;
Executor& Executor::operator=(Executor&&) noexcept = default;

// Blocks of frames, spread over the processors. BLAS keeps to one thread meanwhile: whole frames side by side are faster.
std::vector<Frames> Executor::run(const std::vector<Frames>& inputs) const {
    QLOOM_ASSERT(!inputs.empty(), "a network has an input");
    const std::int64_t frames = std::visit([](const auto& tensor) { return tensor.dim(0); }, inputs[0]);
    const std::int64_t processors = std::max<std::int64_t>(1, std::thread::hardware_concurrency());
    const std::int64_t block = std::min(plan_->block_frames(), std::max<std::int64_t>(1, (frames + processors - 1) / processors));
    const std::int64_t blocks = (frames + block - 1) / block;
    if (blocks <= 1) {
        return plan_->execute(inputs, false);
    }
    std::vector<std::vector<Frames>> results(static_cast<std::size_t>(blocks));
    std::atomic<std::int64_t> next{0};
    const auto work = [&] {
        for (std::int64_t k = next++; k < blocks; k = next++) {
            const std::int64_t first = k * block;
            std::vector<Frames> part;
            for (const Frames& input : inputs) {
                part.push_back(slice(input, first, std::min(block, frames - first)));
            }
            results[static_cast<std::size_t>(k)] = plan_->execute(part, false);
        }
    };
    const OneBlasThread guard;
    std::vector<std::future<void>> helpers;
    for (std::int64_t k = 1; k < std::min(processors, blocks); ++k) {
        helpers.push_back(std::async(std::launch::async, work));
    }
    work();
    for (std::future<void>& helper : helpers) {
        helper.get();
    }

    std::vector<Frames> outputs;
    for (std::size_t i = 0; i < results[0].size(); ++i) {
        Frames whole = std::visit(
            [&](const auto& tensor) -> Frames {
                Shape shape = tensor.shape();
                shape[0] = frames;
                return std::decay_t<decltype(tensor)>(std::move(shape));
            },
            results[0][i]);
        for (std::int64_t k = 0; k < blocks; ++k) {
            place(results[static_cast<std::size_t>(k)][i], k * block, whole);
        }
        outputs.push_back(std::move(whole));
    }
    return outputs;
}
std::vector<Frames> Executor::trace(const std::vector<Frames>& inputs) const { return plan_->execute(inputs, true); }

}  // namespace qloom::network
