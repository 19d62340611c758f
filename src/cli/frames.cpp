#include "cli/frames.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "base/codes/cli.h"
#include "base/npy.h"

namespace qloom::cli {
namespace {

// The shape of one frame: the tensor's shape without the frame axis.
Shape frame_shape(const ir::TensorInfo& tensor) {
    const Shape& shape = *tensor.shape;
    return {shape.begin() + (shape.empty() ? 0 : 1), shape.end()};
}

std::vector<std::string> names_of(const ir::Graph& model, const std::vector<ir::TensorId>& ids) {
    std::vector<std::string> names;
    for (const ir::TensorId id : ids) {
        names.push_back(model.tensor(id).name);
    }
    return names;
}

// For each file the index of its tensor among `names`.
std::vector<std::size_t> assign(const std::vector<NamedFile>& files, const std::vector<std::string>& names,
                                const std::string& role) {
    std::vector<std::size_t> indices;
    std::vector<bool> taken(names.size(), false);
    std::size_t next = 0;
    for (const NamedFile& file : files) {
        std::size_t index = names.size();
        if (file.name.empty()) {
            while (next < names.size() && taken[next]) {
                ++next;
            }
            index = next;
        } else {
            index = static_cast<std::size_t>(std::ranges::find(names, file.name) - names.begin());
        }
        if (index >= names.size() || taken[index]) {
            const std::string nearest = file.name.empty() ? "" : nearest_word(file.name, names);
            throw Error(code::kTensorUnknown, file.file,
                        file.name.empty() ? fmt::format("the model has only {} {}{}", names.size(), role, names.size() == 1 ? "" : "s")
                        : index < names.size() ? fmt::format("{} {} is given twice", role, file.name)
                                               : fmt::format("the model has no {} `{}`", role, file.name),
                        fmt::format("{}its {}s are: {}", nearest.empty() ? "" : "did you mean " + nearest + "? ", role,
                                    fmt::join(names, ", ")));
        }
        taken[index] = true;
        indices.push_back(index);
    }
    return indices;
}

ir::Value as_type(ir::Value value, ir::ElementType type) {
    const bool wants_float = type == ir::ElementType::kFloat32;
    if (wants_float == std::holds_alternative<Tensor<float>>(value)) {
        return value;
    }
    if (wants_float) {
        const auto& integers = std::get<Tensor<std::int64_t>>(value);
        Tensor<float> floats(integers.shape());
        std::ranges::transform(integers, floats.begin(), [](std::int64_t x) { return static_cast<float>(x); });
        return floats;
    }
    const auto& floats = std::get<Tensor<float>>(value);
    Tensor<std::int64_t> integers(floats.shape());
    std::ranges::transform(floats, integers.begin(), [](float x) { return std::llround(x); });
    return integers;
}

}  // namespace

NamedFile parse_named_file(const std::string& argument) {
    const std::size_t equals = argument.find('=');
    if (equals == std::string::npos || equals == 0) {
        return {"", argument};
    }
    return {argument.substr(0, equals), argument.substr(equals + 1)};
}

ir::Value fit_frames(ir::Value array, const ir::TensorInfo& tensor, const std::string& where) {
    const Shape one = frame_shape(tensor);
    const Shape& given = ir::shape_of(array);
    const std::int64_t wanted = element_count(one);
    const std::int64_t elements = element_count(given);
    std::int64_t frames = 0;
    if (!given.empty() && given[0] > 0 && elements == given[0] * wanted) {
        frames = given[0];
    } else if (elements == wanted && elements > 0) {
        frames = 1;
    } else {
        throw Error(code::kFrameShape, where,
                    fmt::format("shape {} does not hold frames of input {}, which are {} ({} values)", shape_text(given),
                                tensor.name, shape_text(one), wanted),
                    "axis 0 counts the frames; the values of one frame must be as many as the model takes");
    }
    Shape shape{frames};
    shape.insert(shape.end(), one.begin(), one.end());
    array = as_type(std::move(array), tensor.type);
    return std::visit([&](auto&& values) -> ir::Value { return std::move(values).reshaped(std::move(shape)); },
                      std::move(array));
}

std::vector<ir::Value> read_inputs(const ir::Graph& model, const std::vector<std::string>& files) {
    const std::vector<std::string> names = names_of(model, model.inputs());
    std::vector<NamedFile> parsed;
    std::ranges::transform(files, std::back_inserter(parsed), parse_named_file);
    const std::vector<std::size_t> indices = assign(parsed, names, "input");
    std::vector<ir::Value> inputs(names.size());
    std::vector<bool> given(names.size(), false);
    for (std::size_t i = 0; i < parsed.size(); ++i) {
        const ir::TensorInfo& tensor = model.tensor(model.inputs()[indices[i]]);
        inputs[indices[i]] = fit_frames(read_npy(parsed[i].file), tensor, parsed[i].file);
        given[indices[i]] = true;
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (!given[i]) {
            throw Error(code::kInputMissing, "", fmt::format("no array is given for input {} of the model", names[i]),
                        fmt::format("add --input {}=FILE.npy", names[i]));
        }
        if (frame_count(inputs[i]) != frame_count(inputs[0])) {
            throw Error(code::kFrameCounts, "",
                        fmt::format("input {} has {} frames and input {} has {}", names[0], frame_count(inputs[0]),
                                    names[i], frame_count(inputs[i])),
                        "give every input equally many frames");
        }
    }
    return inputs;
}

std::vector<std::pair<std::string, std::size_t>> assign_outputs(const ir::Graph& model,
                                                                const std::vector<std::string>& files) {
    std::vector<NamedFile> parsed;
    std::ranges::transform(files, std::back_inserter(parsed), parse_named_file);
    const std::vector<std::size_t> indices = assign(parsed, names_of(model, model.outputs()), "output");
    std::vector<std::pair<std::string, std::size_t>> result;
    for (std::size_t i = 0; i < parsed.size(); ++i) {
        result.emplace_back(parsed[i].file, indices[i]);
    }
    return result;
}

std::int64_t frame_count(const ir::Value& value) {
    const Shape& shape = ir::shape_of(value);
    return shape.empty() ? 1 : shape[0];
}

ir::Value slice_frames(const ir::Value& value, std::int64_t first, std::int64_t count) {
    return std::visit(
        [&](const auto& tensor) -> ir::Value {
            Shape shape = tensor.shape();
            const std::int64_t size = tensor.size() / shape[0];
            shape[0] = count;
            const auto begin = tensor.begin() + first * size;
            return std::decay_t<decltype(tensor)>(shape, {begin, begin + count * size});
        },
        value);
}

ir::Value join_frames(const std::vector<ir::Value>& chunks) {
    return std::visit(
        [&](const auto& first) -> ir::Value {
            using T = std::decay_t<decltype(first)>;
            Shape shape = first.shape();
            auto values = first.values();
            for (std::size_t i = 1; i < chunks.size(); ++i) {
                const T& chunk = std::get<T>(chunks[i]);
                shape[0] += chunk.dim(0);
                values.insert(values.end(), chunk.begin(), chunk.end());
            }
            return T(std::move(shape), std::move(values));
        },
        chunks.front());
}

std::vector<std::int64_t> labels_of(const ir::Value& output) {
    std::vector<std::int64_t> labels;
    std::visit(
        [&](const auto& tensor) {
            using T = typename std::decay_t<decltype(tensor.values())>::value_type;
            const std::int64_t frames = frame_count(output);
            const std::int64_t width = frames == 0 ? 0 : tensor.size() / frames;
            for (std::int64_t frame = 0; frame < frames; ++frame) {
                const T* values = tensor.data() + frame * width;
                if (width == 1) {
                    if constexpr (std::is_integral_v<T>) {
                        labels.push_back(values[0]);
                    } else {
                        labels.push_back(values[0] > T{0} ? 1 : 0);
                    }
                } else {
                    labels.push_back(std::max_element(values, values + width) - values);
                }
            }
        },
        output);
    return labels;
}

}  // namespace qloom::cli
