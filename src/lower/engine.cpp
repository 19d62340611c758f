#include <algorithm>
#include <cmath>
#include <map>

#include "base/codes/lower.h"
#include "ir/execute.h"
#include "lower/lower.h"

namespace qloom::lower {
namespace {

using network::Frames;

constexpr std::int64_t kFloatExact = std::int64_t{1} << 24;

std::int64_t frame_count(const ir::Value& value) {
    const Shape& shape = ir::shape_of(value);
    return shape.empty() ? 1 : shape[0];
}

Shape with_frames(std::int64_t frames, const Shape& stream) {
    Shape shape{frames};
    shape.insert(shape.end(), stream.begin(), stream.end());
    return shape;
}

[[noreturn]] void out_of_range(const InputBinding& binding, const network::Stream& stream, double number, double integer) {
    const bool whole = integer == std::nearbyint(integer);
    throw Error(code::kInputOutOfRange, binding.tensor,
                whole ? fmt::format("the value {} is outside {} ({} to {})", number, stream.type.text(), stream.range.lo,
                                    stream.range.hi)
                      : fmt::format("the value {} is not an integer multiple of the input's scale {}", number, binding.scale),
                "declare the input's type with --input-type, e.g. int8, or uint8/255 for images in 0..1");
}

// Integers of one input, in stream order.
template <class T>
Tensor<T> integers_for(const InputBinding& binding, const network::Stream& stream, const ir::Value& reals) {
    const std::int64_t frames = frame_count(reals);
    const std::int64_t elements = stream.elements();
    Tensor<T> result(with_frames(frames, stream.shape));
    const auto lo = static_cast<double>(stream.range.lo);
    const auto hi = static_cast<double>(stream.range.hi);
    const std::int64_t channels = stream.channels();
    const bool per_channel = !binding.channel_scale.empty();
    const bool plain = !per_channel && binding.order.empty() && binding.scale == 1.0 && binding.bias == 0.0;
    std::visit(
        [&](const auto& tensor) {
            QLOOM_ASSERT(tensor.size() == frames * elements, "inputs have the model's shape");
            if (plain) {
                for (std::int64_t i = 0; i < tensor.size(); ++i) {
                    const auto number = static_cast<double>(tensor[i]);
                    result[i] = static_cast<T>(number);
                    if (!(number >= lo && number <= hi) || number != std::nearbyint(number)) {
                        out_of_range(binding, stream, number, number);
                    }
                }
                return;
            }
            for (std::int64_t frame = 0; frame < frames; ++frame) {
                for (std::int64_t k = 0; k < elements; ++k) {
                    const std::int64_t from = binding.order.empty() ? k : binding.order[static_cast<std::size_t>(k)];
                    const auto c = static_cast<std::size_t>(k % channels);
                    const double scale = per_channel ? binding.channel_scale[c] : binding.scale;
                    const double bias = per_channel ? binding.channel_bias[c] : binding.bias;
                    const auto number = static_cast<double>(tensor[frame * elements + from]);
                    const double exact = (number - bias) / scale;
                    const double integer = std::nearbyint(exact);
                    // Reals come from float arithmetic: a quarter of a step is far beyond its error.
                    if (!(integer >= lo && integer <= hi) || std::abs(exact - integer) > 0.01) {
                        out_of_range(binding, stream, number, std::abs(exact - integer) > 0.01 ? exact : integer);
                    }
                    result[frame * elements + k] = static_cast<T>(integer);
                }
            }
        },
        reals);
    return result;
}

bool fits_float(Range range) { return std::max(std::abs(range.lo), std::abs(range.hi)) <= kFloatExact; }

}  // namespace

struct Engine::Impl {
    Lowered lowered;
    network::Executor network;
    std::optional<ir::Executor> head;  // absent when it has no nodes
    ir::Executor tail;

    explicit Impl(Lowered source)
        : lowered(std::move(source)), network(lowered.network), tail(lowered.tail) {
        if (!lowered.head.nodes().empty()) {
            head.emplace(lowered.head);
        }
    }

    // One real tensor the tail starts from, stacked over frames, in the model's order and shape.
    [[nodiscard]] ir::Value real_output(const OutputBinding& binding, const std::vector<Frames>& integers) const {
        std::vector<Tensor<std::int64_t>> streams;
        for (const OutputBinding::Term& term : binding.terms) {
            const auto at = std::ranges::find(lowered.network.outputs, term.stream) - lowered.network.outputs.begin();
            streams.push_back(network::integers_of(integers[static_cast<std::size_t>(at)]));
        }
        const std::int64_t frames = streams[0].dim(0);
        Shape shape = binding.model_shape;
        if (shape.empty()) {
            shape = {1};
        }
        shape[0] *= frames;
        const std::int64_t elements = streams[0].size() / std::max<std::int64_t>(1, frames);
        if (binding.integer) {
            return std::move(streams[0]).reshaped(shape);
        }
        Tensor<float> result(shape);
        const auto channels = static_cast<std::int64_t>(binding.bias.size());
        for (std::int64_t i = 0; i < result.size(); ++i) {
            const std::int64_t k = i % elements;
            const auto c = static_cast<std::size_t>(k % channels);
            double real = binding.bias[c];
            for (std::size_t t = 0; t < streams.size(); ++t) {
                real += binding.terms[t].scale[c] * static_cast<double>(streams[t][i]);
            }
            const std::int64_t to = binding.order.empty() ? k : binding.order[static_cast<std::size_t>(k)];
            result[i - k + to] = static_cast<float>(real);
        }
        return result;
    }
};

Engine::Engine(Lowered lowered) : impl_(std::make_unique<Impl>(std::move(lowered))) {}
Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

const Lowered& Engine::lowered() const { return impl_->lowered; }

std::vector<Frames> Engine::to_integers(const std::vector<ir::Value>& inputs) const {
    const Lowered& lowered = impl_->lowered;
    QLOOM_ASSERT(inputs.size() == lowered.head.inputs().size(), "one entry a model input");
    std::vector<ir::Value> computed;
    if (impl_->head) {
        computed = impl_->head->run(inputs);
    }
    std::vector<Frames> result;
    for (std::size_t i = 0; i < lowered.inputs.size(); ++i) {
        const ir::TensorId tensor = lowered.head.outputs()[i];
        const auto direct = std::ranges::find(lowered.head.inputs(), tensor);
        const ir::Value& reals = direct != lowered.head.inputs().end()
                                     ? inputs[static_cast<std::size_t>(direct - lowered.head.inputs().begin())]
                                     : computed[i];
        const network::Stream& stream = lowered.network.stream(lowered.inputs[i].stream);
        if (fits_float(stream.range)) {
            result.emplace_back(integers_for<float>(lowered.inputs[i], stream, reals));
        } else {
            result.emplace_back(integers_for<double>(lowered.inputs[i], stream, reals));
        }
    }
    return result;
}

std::vector<Frames> Engine::run_network(const std::vector<Frames>& integers) const { return impl_->network.run(integers); }

std::vector<ir::Value> Engine::to_outputs(const std::vector<Frames>& integers) const {
    return to_outputs(integers, {});
}

std::vector<ir::Value> Engine::to_outputs(const std::vector<Frames>& integers,
                                          const std::vector<ir::Value>& model_inputs) const {
    const Lowered& lowered = impl_->lowered;
    std::vector<ir::Value> inputs;
    for (const ir::TensorId id : lowered.tail.inputs()) {
        const std::string& name = lowered.tail.tensor(id).name;
        const auto binding = std::ranges::find(lowered.outputs, name, &OutputBinding::tensor);
        if (binding != lowered.outputs.end()) {
            inputs.push_back(impl_->real_output(*binding, integers));
            continue;
        }
        const auto from = std::ranges::find_if(lowered.head.inputs(), [&](ir::TensorId input) {
            return lowered.head.tensor(input).name == name;
        });
        const auto at = static_cast<std::size_t>(from - lowered.head.inputs().begin());
        QLOOM_ASSERT(at < model_inputs.size(), "a tail that reads the model's inputs is given them");
        inputs.push_back(model_inputs[at]);
    }
    if (lowered.tail.nodes().empty()) {
        std::vector<ir::Value> outputs;
        for (const ir::TensorId id : lowered.tail.outputs()) {
            const auto at = std::ranges::find(lowered.tail.inputs(), id) - lowered.tail.inputs().begin();
            outputs.push_back(inputs[static_cast<std::size_t>(at)]);
        }
        return outputs;
    }
    return impl_->tail.run(inputs);
}

std::vector<ir::Value> Engine::run(const std::vector<ir::Value>& inputs) const {
    return to_outputs(run_network(to_integers(inputs)), inputs);
}

}  // namespace qloom::lower
