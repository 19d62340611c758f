#include "ir/execute.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/codes/ir.h"
#include "base/diagnostic.h"
#include "ir/frames.h"
#include "ir/infer_shapes.h"

namespace qloom::ir {
namespace {

// A pass holds about this many values of its largest tensor at once.
constexpr std::int64_t kPassElements = std::int64_t{1} << 22;

bool only_changes_shape(const Op& op) {
    return std::holds_alternative<Reshape>(op) || std::holds_alternative<Flatten>(op) ||
           std::holds_alternative<Squeeze>(op) || std::holds_alternative<Unsqueeze>(op);
}

bool takes_wide_weights(const Op& op) {
    return std::holds_alternative<MatMul>(op) || std::holds_alternative<Gemm>(op) ||
           std::holds_alternative<Conv>(op) || std::holds_alternative<ConvTranspose>(op);
}

Value converted(const Value& value, ElementType type, const std::string& name) {
    if (const auto* ints = std::get_if<Tensor<std::int64_t>>(&value)) {
        if (type != ElementType::kFloat32) {
            return value;
        }
        Tensor<float> result(ints->shape());
        std::ranges::transform(ints->values(), result.begin(), [](std::int64_t x) { return static_cast<float>(x); });
        return result;
    }
    if (type == ElementType::kFloat32) {
        return value;
    }
    const auto& floats = std::get<Tensor<float>>(value);
    Tensor<std::int64_t> result(floats.shape());
    for (std::int64_t i = 0; i < floats.size(); ++i) {
        if (!(std::abs(floats[i]) < 9.2e18F) || floats[i] != std::floor(floats[i])) {
            throw Error(code::kModelInput, "input " + name,
                        fmt::format("the model takes integers, the data hold {}", floats[i]), "give whole numbers");
        }
        result[i] = static_cast<std::int64_t>(floats[i]);
    }
    return result;
}

// Rows [from, from + count) along axis 0.
Value rows_of(const Value& value, std::int64_t from, std::int64_t count) {
    return std::visit([=](const auto& x) -> Value {
        using T = std::decay_t<decltype(x)>;
        Shape shape = x.shape();
        const std::int64_t row = shape[0] == 0 ? 0 : x.size() / shape[0];
        shape[0] = count;
        return T(std::move(shape), std::vector(x.begin() + from * row, x.begin() + (from + count) * row));
    }, value);
}

// Appends along axis 0; scalars become a row of numbers.
void append(std::optional<Value>& all, Value part, std::int64_t expected_parts) {
    std::visit([&](auto& x) {
        using T = std::decay_t<decltype(x)>;
        if (x.shape().empty()) {
            x = std::move(x).reshaped({1});
        }
        if (!all) {
            std::vector values = x.values();
            values.reserve(values.size() * static_cast<std::size_t>(expected_parts));
            all = T(x.shape(), std::move(values));
            return;
        }
        T& whole = std::get<T>(*all);
        Shape shape = whole.shape();
        shape[0] += x.shape()[0];
        std::vector values = std::move(whole.values());
        values.insert(values.end(), x.begin(), x.end());
        whole = T(std::move(shape), std::move(values));
    }, part);
}

}  // namespace

// The inputs in the model's types, and how many frames they hold.
struct Executor::Frames {
    std::vector<Value> inputs;
    std::int64_t count = 0;
};

Executor::Executor(const Graph& graph) : graph_(graph) {
    graph_.sort();
    constants_ = infer_constants(graph_, false);
    const std::size_t tensors = graph_.tensors().size();
    depends_.assign(tensors, false);
    for (const TensorId id : graph_.inputs()) {
        depends_[index_of(id)] = true;
    }
    last_use_.assign(tensors, 0);
    weights_.resize(graph_.nodes().size());
    std::vector<const Value*> constants(tensors, nullptr);
    for (std::size_t t = 0; t < tensors; ++t) {
        const TensorInfo& info = graph_.tensors()[t];
        constants[t] = info.constant ? &*info.constant : constants_[t] ? &*constants_[t] : nullptr;
        depends_[t] = depends_[t] && constants[t] == nullptr;
    }
    for (std::size_t n = 0; n < graph_.nodes().size(); ++n) {
        const Node& node = graph_.nodes()[n];
        for (const TensorId id : node.inputs) {
            if (id != TensorId::kNone) {
                last_use_[index_of(id)] = n;
            }
        }
        for (const TensorId id : node.outputs) {
            if (id != TensorId::kNone && constants[index_of(id)] == nullptr) {
                depends_[index_of(id)] = true;
                largest_ = std::max(largest_, element_count(*graph_.tensor(id).shape));
            }
        }
        if (takes_wide_weights(node.op) && constants[index_of(node.inputs[1])] != nullptr &&
            !std::ranges::all_of(node.outputs, [&](TensorId id) {
                return id == TensorId::kNone || constants[index_of(id)] != nullptr;
            })) {
            std::visit([&](const auto& x) { weights_[n].assign(x.begin(), x.end()); },
                       *constants[index_of(node.inputs[1])]);
        }
    }
    batches_frames_ = why_not_frame_batchable(graph_, depends_, constants).empty();
}

Executor::Frames Executor::split_frames(const std::vector<Value>& inputs) const {
    if (inputs.size() != graph_.inputs().size()) {
        throw Error(code::kModelInput, "model " + graph_.name,
                    fmt::format("it has {} inputs, {} were given", graph_.inputs().size(), inputs.size()),
                    "give one array for every input");
    }
    Frames frames;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const TensorInfo& info = graph_.tensor(graph_.inputs()[i]);
        const Shape& given = shape_of(inputs[i]);
        Shape frame = *info.shape;
        std::int64_t count = -1;
        if (given.size() == frame.size() && !frame.empty() && std::equal(given.begin() + 1, given.end(), frame.begin() + 1) &&
            frame[0] > 0 && given[0] % frame[0] == 0) {
            count = given[0] / frame[0];
        } else if (given.size() == frame.size() + 1 && std::equal(given.begin() + 1, given.end(), frame.begin())) {
            count = given[0];
        }
        if (count < 0 || (i > 0 && count != frames.count)) {
            const bool framed = !frame.empty() && frame[0] == 1;
            const std::string text = framed ? fmt::format("[F{}", shape_text(frame).substr(2)) : shape_text(frame);
            throw Error(code::kModelInput, "input " + info.name,
                        count < 0 ? fmt::format("the data have shape {}, the model takes {}", shape_text(given), text)
                                  : fmt::format("it has {} frames, the first input {}", count, frames.count),
                        count < 0 ? "give frames of this shape stacked along the first axis"
                                  : "give every input the same number of frames");
        }
        frames.count = count;
        frames.inputs.push_back(converted(inputs[i], info.type, info.name));
    }
    return frames;
}

std::vector<std::optional<Value>> Executor::pass(std::vector<Value> inputs, std::int64_t count,
                                                 const std::vector<bool>& wanted) const {
    std::vector<std::optional<Value>> values(graph_.tensors().size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        values[index_of(graph_.inputs()[i])] = std::move(inputs[i]);
    }
    for (std::size_t n = 0; n < graph_.nodes().size(); ++n) {
        const Node& node = graph_.nodes()[n];
        if (std::ranges::none_of(node.outputs, [this](TensorId id) {
                return id != TensorId::kNone && depends_[index_of(id)];
            })) {
            continue;
        }
        Slots in;
        for (const TensorId id : node.inputs) {
            const Value* value = nullptr;
            if (id != TensorId::kNone) {
                const std::size_t t = index_of(id);
                value = depends_[t] ? &*values[t] : graph_.is_constant(id) ? &*graph_.tensor(id).constant
                                                                            : &*constants_[t];
            }
            in.push_back(value);
        }
        std::vector<Value> results;
        if (batches_frames_ && only_changes_shape(node.op)) {
            Shape shape = *graph_.tensor(node.outputs[0]).shape;
            shape[0] = count;
            results.push_back(
                std::visit([&](const auto& x) -> Value { return x.reshaped(std::move(shape)); }, *in[0]));
        } else {
            results = run_node(node, in, weights_[n].empty() ? nullptr : &weights_[n]);
        }
        for (std::size_t o = 0; o < node.outputs.size(); ++o) {
            if (node.outputs[o] != TensorId::kNone) {
                values[index_of(node.outputs[o])] = std::move(results[o]);
            }
        }
        for (const TensorId id : node.inputs) {
            if (id != TensorId::kNone && last_use_[index_of(id)] == n && !wanted[index_of(id)]) {
                values[index_of(id)].reset();
            }
        }
    }
    return values;
}

std::vector<std::optional<Value>> Executor::run_all(const std::vector<Value>& inputs,
                                                    const std::vector<bool>& wanted) const {
    Frames frames = split_frames(inputs);
    const std::int64_t chunk =
        batches_frames_ ? std::clamp<std::int64_t>(kPassElements / largest_, 1, std::max<std::int64_t>(1, frames.count)) : 1;
    std::vector<std::optional<Value>> all(graph_.tensors().size());
    if (frames.count == 0) {  // nothing to run, but the outputs have their shapes
        for (std::size_t t = 0; t < all.size(); ++t) {
            if (wanted[t] && depends_[t]) {
                const TensorInfo& info = graph_.tensors()[t];
                Shape shape = info.shape->empty() ? Shape{1} : *info.shape;
                shape[0] = 0;
                all[t] = info.type == ElementType::kFloat32 ? Value(Tensor<float>(shape))
                                                            : Value(Tensor<std::int64_t>(shape));
            }
        }
    }
    const std::int64_t parts = (frames.count + chunk - 1) / chunk;
    for (std::int64_t at = 0; at < frames.count; at += chunk) {
        const std::int64_t count = std::min(chunk, frames.count - at);
        std::vector<Value> part;
        for (std::size_t i = 0; i < frames.inputs.size(); ++i) {
            const Shape& frame = *graph_.tensor(graph_.inputs()[i]).shape;
            const Value& whole = frames.inputs[i];
            if (shape_of(whole).size() != frame.size()) {  // a model without a frame axis: drop the frames' own
                Value row = rows_of(whole, at, 1);
                part.push_back(std::visit([&](const auto& x) -> Value { return x.reshaped(frame); }, row));
            } else {
                part.push_back(rows_of(whole, at * frame[0], count * frame[0]));
            }
        }
        std::vector<std::optional<Value>> values = pass(std::move(part), count, wanted);
        for (std::size_t t = 0; t < all.size(); ++t) {
            if (wanted[t] && depends_[t]) {
                append(all[t], std::move(*values[t]), parts);
            }
        }
    }
    return all;
}

std::vector<Value> Executor::run(const std::vector<Value>& inputs) const {
    std::vector<bool> wanted(graph_.tensors().size(), false);
    for (const TensorId id : graph_.outputs()) {
        wanted[index_of(id)] = true;
    }
    std::vector<std::optional<Value>> all = run_all(inputs, wanted);
    std::vector<Value> results;
    for (const TensorId id : graph_.outputs()) {
        if (depends_[index_of(id)]) {
            results.push_back(*all[index_of(id)]);
            continue;
        }
        // An output that no input reaches is the same for every frame.
        const Value& constant = graph_.is_constant(id) ? *graph_.tensor(id).constant : *constants_[index_of(id)];
        std::optional<Value> repeated;
        const std::int64_t frames = split_frames(inputs).count;
        for (std::int64_t frame = 0; frame < frames; ++frame) {
            append(repeated, constant, frames);
        }
        results.push_back(repeated ? std::move(*repeated) : constant);
    }
    return results;
}

std::map<std::string, Value> Executor::trace(const std::vector<Value>& inputs) const {
    std::vector<std::optional<Value>> all = run_all(inputs, std::vector<bool>(graph_.tensors().size(), true));
    std::map<std::string, Value> result;
    for (std::size_t t = 0; t < all.size(); ++t) {
        if (all[t]) {
            result.emplace(graph_.tensors()[t].name, std::move(*all[t]));
        } else if (constants_[t]) {
            result.emplace(graph_.tensors()[t].name, *constants_[t]);
        }
    }
    return result;
}

}  // namespace qloom::ir
