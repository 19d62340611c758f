#include "cli/data_input.h"

#include <algorithm>
#include <optional>
#include <variant>

#include "base/codes/cli.h"
#include "cli/frames.h"
#include "ir/execute.h"

namespace qloom::cli {
namespace {

constexpr float kSaturationProbe = 4.0F;  // a quantiser that is flat beyond this was not made for bytes
constexpr float kLargestByte = 255.0F;

template <class... T>
bool holds_any(const ir::Op& op) {
    return (std::holds_alternative<T>(op) || ...);
}

bool is_quantiser(const ir::Op& op) {
    return holds_any<ir::Quant, ir::BipolarQuant, ir::MultiThreshold, ir::QuantizeLinear>(op);
}

bool is_elementwise(const ir::Op& op) {
    return holds_any<ir::Unary, ir::Parametric, ir::Clip, ir::PRelu, ir::Binary, ir::BatchNormalization, ir::Reshape,
                     ir::Flatten, ir::Transpose, ir::Squeeze, ir::Unsqueeze, ir::Cast, ir::Dropout>(op);
}

// The quantiser that is the first operator to change the integers of the input, if there is one.
std::optional<ir::NodeId> input_quantiser(const ir::Graph& model, ir::TensorId input) {
    const ir::Uses uses(model);
    while (true) {
        const std::vector<ir::NodeId>& readers = uses.consumers(input);
        if (readers.size() != 1) {
            return std::nullopt;
        }
        const ir::Node& node = model.node(readers.front());
        if (is_quantiser(node.op)) {
            return readers.front();
        }
        if (!is_elementwise(node.op)) {
            return std::nullopt;
        }
        input = node.outputs.front();
    }
}

// What the graph's only output is for a frame that is `value` everywhere.
ir::Value probe(const ir::Executor& executor, const Shape& shape, float value) {
    return executor.run({Tensor<float>(shape, value)}).front();
}

}  // namespace

InputScale input_scale_of(const ir::Graph& model) {
    if (model.inputs().size() != 1) {
        return InputScale::kRaw;
    }
    const ir::TensorInfo& input = model.tensor(model.inputs().front());
    const std::optional<ir::NodeId> quantiser = input_quantiser(model, model.inputs().front());
    if (!quantiser || !input.shape || input.type != ir::ElementType::kFloat32) {
        return InputScale::kRaw;
    }
    ir::Graph start = model;
    start.set_outputs({model.node(*quantiser).outputs.front()});
    std::vector<bool> later(model.nodes().size(), false);
    std::fill(later.begin() + static_cast<std::ptrdiff_t>(index_of(*quantiser)) + 1, later.end(), true);
    start.erase_nodes(later);
    const ir::Executor executor(start);
    const bool saturates =
        probe(executor, *input.shape, kSaturationProbe) == probe(executor, *input.shape, kLargestByte);
    return saturates ? InputScale::kUnit : InputScale::kRaw;
}

DataInput::DataInput(const ir::Graph& model, data::Dataset dataset, ScaleChoice choice)
    : model_(model), dataset_(std::move(dataset)) {
    if (model.inputs().size() != 1) {
        throw Error(code::kInputMissing, dataset_.name,
                    fmt::format("a dataset has one array of samples and the model has {} inputs", model.inputs().size()),
                    "use `qloom run` with one --input for each");
    }
    const ir::TensorInfo& input = model.tensor(model.inputs().front());
    if (element_count(*input.shape) != dataset_.sample_size()) {
        throw Error(code::kDataShape, dataset_.name,
                    fmt::format("its samples are {} and input {} of the model is {}", shape_text(dataset_.sample_shape()),
                                input.name, shape_text(*input.shape)),
                    "take the dataset that the model was trained on");
    }
    switch (choice) {
        case ScaleChoice::kAuto:
            scale_ = dataset_.is_bytes() ? input_scale_of(model) : InputScale::kRaw;
            break;
        case ScaleChoice::kRaw:
            scale_ = InputScale::kRaw;
            break;
        case ScaleChoice::kUnit:
            scale_ = InputScale::kUnit;
            break;
    }
}

std::string DataInput::scale_text() const {
    if (scale_ == InputScale::kUnit) {
        return "0..1 (divided by 255)";
    }
    return dataset_.is_bytes() ? "0..255" : "as they are";
}

InputTypes DataInput::input_types(InputTypes declared) const {
    if (scale_ == InputScale::kRaw) {
        // The largest and smallest samples decide; bytes are UINT8 whichever of them occur.
        const std::int64_t looked_at = dataset_.is_bytes() ? 1 : dataset_.size();
        return dataset_.is_bytes() ? declared
                                   : complete_input_types(model_, std::move(declared), frames(0, looked_at));
    }
    if (declared.empty() && !input_quantiser(model_, model_.inputs().front())) {
        declared.emplace_back("", lower::InputType{.type = {8, false}, .scale = 1.0 / kLargestByte});
    }
    return declared;
}

std::vector<ir::Value> DataInput::frames(std::int64_t first, std::int64_t count) const {
    Tensor<float> values = dataset_.frames(first, count);
    if (scale_ == InputScale::kUnit) {
        std::ranges::for_each(values.values(), [](float& x) { x /= kLargestByte; });
    }
    std::vector<ir::Value> inputs;
    inputs.push_back(fit_frames(std::move(values), model_.tensor(model_.inputs().front()), dataset_.name));
    return inputs;
}

std::int64_t DataInput::count_correct(const std::vector<std::int64_t>& labels, std::int64_t first) const {
    std::int64_t correct = 0;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        correct += labels[i] == dataset_.labels[static_cast<std::size_t>(first) + i] ? 1 : 0;
    }
    return correct;
}

void DataInput::check_classifier() const {
    const ir::TensorInfo& output = model_.tensor(model_.outputs().front());
    const std::int64_t values = element_count(*output.shape);
    if (values != 1 && values != dataset_.classes) {
        throw Error(code::kNotClassifier, output.name,
                    fmt::format("the output has {} values a frame and {} has {} classes", values, dataset_.name,
                                dataset_.classes),
                    "accuracy needs one value a class, or the label itself");
    }
}

}  // namespace qloom::cli
