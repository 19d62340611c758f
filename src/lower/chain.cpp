#include "lower/chain.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "ir/execute.h"

namespace qloom::lower {
namespace {

double number_at(const ir::Value& value, std::int64_t index) {
    return std::visit([index](const auto& tensor) { return static_cast<double>(tensor[index]); }, value);
}

// Columns from stream to logical order and back, for flattened tensors whose orders differ.
std::vector<float> reordered(const std::vector<float>& data, const std::vector<std::int64_t>& order, bool to_logical) {
    const std::size_t width = order.size();
    std::vector<float> result(data.size());
    for (std::size_t row = 0; row < data.size(); row += width) {
        for (std::size_t k = 0; k < width; ++k) {
            const auto stream = static_cast<std::size_t>(order[k]);
            result[row + (to_logical ? k : stream)] = data[row + (to_logical ? stream : k)];
        }
    }
    return result;
}

// rows x channels in stream order as the tensor a step takes.
ir::Value operand_of(const ChainStep& step, std::vector<float> data) {
    if (!step.layout.order.empty()) {
        data = reordered(data, step.layout.order, true);
    }
    Shape shape(step.layout.logical.size() + 1, 1);
    shape[0] = static_cast<std::int64_t>(data.size()) / step.channels;
    shape[step.layout.channel_axis() + 1] = step.channels;
    return Tensor<float>(std::move(shape), std::move(data));
}

std::vector<float> run_step(const ChainStep& step, std::vector<float> data) {
    const bool permute = !step.layout.order.empty();
    std::vector<ir::Value> operands;
    std::vector<const ir::Value*> inputs;
    if (step.branches.empty()) {
        operands.push_back(operand_of(step, std::move(data)));
        for (std::size_t i = 0; i < step.constants.size(); ++i) {
            inputs.push_back(i == step.data_input ? operands.data()
                                                  : (step.constants[i] ? &*step.constants[i] : nullptr));
        }
    } else {
        for (const std::vector<ChainStep>& branch : step.branches) {
            operands.push_back(operand_of(step, run_chain(branch, data, step.channels)));
        }
        for (const ir::Value& operand : operands) {
            inputs.push_back(&operand);
        }
    }
    std::vector<ir::Value> outputs = ir::run_node(*step.node, inputs);
    std::vector<float> result;
    if (auto* floats = std::get_if<Tensor<float>>(&outputs[0])) {
        result = std::move(floats->values());
    } else {
        const auto& integers = std::get<Tensor<std::int64_t>>(outputs[0]);
        result.assign(integers.begin(), integers.end());
    }
    return permute ? reordered(result, step.layout.order, false) : result;
}

using Numbers = std::vector<double>;

// Folds one direction onto another.
Direction combined(Direction first, Direction second) {
    if (first == Direction::kConstant || second == Direction::kConstant) {
        return Direction::kConstant;
    }
    if (first == Direction::kUnknown || second == Direction::kUnknown) {
        return Direction::kUnknown;
    }
    return first == second ? Direction::kIncreasing : Direction::kDecreasing;
}

Direction from_sign(double factor) {
    if (std::isnan(factor)) {
        return Direction::kUnknown;
    }
    return factor > 0 ? Direction::kIncreasing : factor < 0 ? Direction::kDecreasing : Direction::kConstant;
}

// The direction of one step in each of its channels.
class StepDirection {
public:
    StepDirection(const ChainStep& step, std::int64_t channels) : step_(step), channels_(channels) {}

    std::vector<Direction> operator()(const ir::Unary& unary) const {
        switch (unary.kind) {
            case ir::UnaryKind::kIdentity:
            case ir::UnaryKind::kRelu:
            case ir::UnaryKind::kSigmoid:
            case ir::UnaryKind::kTanh:
            case ir::UnaryKind::kSqrt:
            case ir::UnaryKind::kExp:
            case ir::UnaryKind::kLog:
            case ir::UnaryKind::kFloor:
            case ir::UnaryKind::kCeil:
            case ir::UnaryKind::kRound:
            case ir::UnaryKind::kSign:
            case ir::UnaryKind::kErf:
            case ir::UnaryKind::kSoftplus:
            case ir::UnaryKind::kSoftsign:
                return all(Direction::kIncreasing);
            case ir::UnaryKind::kNeg:
                return all(Direction::kDecreasing);
            case ir::UnaryKind::kAbs:
            case ir::UnaryKind::kReciprocal:
            case ir::UnaryKind::kHardSwish:
            case ir::UnaryKind::kNot:
                return all(Direction::kUnknown);
        }
        return all(Direction::kUnknown);
    }
    std::vector<Direction> operator()(const ir::Parametric& parametric) const {
        switch (parametric.kind) {
            case ir::ParametricKind::kLeakyRelu:
            case ir::ParametricKind::kElu:
            case ir::ParametricKind::kHardSigmoid:
            case ir::ParametricKind::kCelu:
                return all(parametric.alpha >= 0 ? Direction::kIncreasing : Direction::kUnknown);
            case ir::ParametricKind::kSelu:
                return all(parametric.alpha >= 0 && parametric.beta >= 0 ? Direction::kIncreasing : Direction::kUnknown);
            case ir::ParametricKind::kThresholdedRelu:
                return all(parametric.alpha >= 0 ? Direction::kIncreasing : Direction::kUnknown);
        }
        return all(Direction::kUnknown);
    }
    std::vector<Direction> operator()(const ir::Clip&) const { return all(Direction::kIncreasing); }
    std::vector<Direction> operator()(const ir::PRelu&) const {
        return by(1, [](double slope) { return slope >= 0 ? Direction::kIncreasing : Direction::kUnknown; });
    }
    std::vector<Direction> operator()(const ir::Binary& binary) const {
        const bool data_first = step_.data_input == 0;
        const std::size_t other = data_first ? 1 : 0;
        switch (binary.kind) {
            case ir::BinaryKind::kAdd:
            case ir::BinaryKind::kMin:
            case ir::BinaryKind::kMax:
                return all(Direction::kIncreasing);
            case ir::BinaryKind::kSub:
                return all(data_first ? Direction::kIncreasing : Direction::kDecreasing);
            case ir::BinaryKind::kMul:
                return by(other, from_sign);
            case ir::BinaryKind::kDiv:
                return data_first ? by(other, from_sign) : all(Direction::kUnknown);
            case ir::BinaryKind::kPow:
                return all(Direction::kUnknown);
        }
        return all(Direction::kUnknown);
    }
    std::vector<Direction> operator()(const ir::BatchNormalization&) const { return by(1, from_sign); }
    std::vector<Direction> operator()(const ir::Quant&) const { return by(1, quantiser_direction); }
    std::vector<Direction> operator()(const ir::BipolarQuant&) const { return by(1, from_sign); }
    std::vector<Direction> operator()(const ir::Trunc&) const { return by(1, quantiser_direction); }
    std::vector<Direction> operator()(const ir::QuantizeLinear&) const { return by(1, quantiser_direction); }
    std::vector<Direction> operator()(const ir::DequantizeLinear&) const { return by(1, from_sign); }
    std::vector<Direction> operator()(const ir::MultiThreshold& thresholds) const {
        return all(from_sign(static_cast<double>(thresholds.out_scale)));
    }
    std::vector<Direction> operator()(const ir::Dropout&) const { return all(Direction::kIncreasing); }
    std::vector<Direction> operator()(const ir::Cast&) const { return all(Direction::kIncreasing); }
    template <class Other>
    std::vector<Direction> operator()(const Other&) const {
        return all(Direction::kUnknown);
    }

private:
    // x / s rises with s > 0 and the final * s undoes a negative s: increasing for either sign of the scale.
    static Direction quantiser_direction(double scale) {
        return scale == 0 || std::isnan(scale) ? Direction::kUnknown : Direction::kIncreasing;
    }
    [[nodiscard]] std::vector<Direction> all(Direction direction) const {
        return std::vector<Direction>(static_cast<std::size_t>(channels_), direction);
    }
    template <class F>
    std::vector<Direction> by(std::size_t input, F direction_of) const {
        std::vector<Direction> result = all(Direction::kUnknown);
        if (input >= step_.constants.size() || !step_.constants[input]) {
            return result;
        }
        std::optional<Numbers> numbers;
        if (std::holds_alternative<ir::BatchNormalization>(step_.node->op)) {
            numbers = ordered_vector(*step_.constants[input], step_.layout, step_.channels);
        } else {
            numbers = channel_constant(*step_.constants[input], step_.layout, step_.channels);
        }
        if (numbers) {
            for (std::size_t c = 0; c < result.size(); ++c) {
                result[c] = direction_of((*numbers)[c % numbers->size()]);
            }
        }
        return result;
    }

public:
    // A (C) vector along the channel axis, in stream order.
    static Numbers ordered_vector(const ir::Value& value, const Layout& layout, std::int64_t channels) {
        Numbers result(static_cast<std::size_t>(channels));
        for (std::int64_t c = 0; c < channels; ++c) {
            const std::int64_t to = layout.order.empty() ? c : layout.order[static_cast<std::size_t>(c)];
            result[static_cast<std::size_t>(to)] = number_at(value, c);
        }
        return result;
    }

private:
    const ChainStep& step_;
    std::int64_t channels_;
};

// y = factor * x + addend, repeated over the affine's channels (a step before a flatten has fewer).
Affine transformed(const Affine& affine, const Numbers& factor, const Numbers& addend) {
    Affine result = affine;
    for (Term& term : result.terms) {
        for (std::size_t c = 0; c < term.scale.size(); ++c) {
            term.scale[c] *= factor[c % factor.size()];
        }
    }
    for (std::size_t c = 0; c < result.bias.size(); ++c) {
        result.bias[c] = result.bias[c] * factor[c % factor.size()] + addend[c % addend.size()];
    }
    return result;
}

std::optional<Affine> batch_norm_affine(const Affine& affine, const ChainStep& step, float epsilon) {
    std::array<Numbers, 4> parameters;
    for (std::size_t i = 0; i < 4; ++i) {
        parameters[i] = StepDirection::ordered_vector(*step.constants[i + 1], step.layout, step.channels);
    }
    Numbers factor(parameters[0].size());
    Numbers addend(parameters[0].size());
    for (std::size_t c = 0; c < factor.size(); ++c) {
        factor[c] = parameters[0][c] / std::sqrt(parameters[3][c] + static_cast<double>(epsilon));
        addend[c] = parameters[1][c] - parameters[2][c] * factor[c];
    }
    return transformed(affine, factor, addend);
}

std::optional<Affine> binary_affine(const Affine& affine, const ChainStep& step, ir::BinaryKind kind) {
    const bool data_first = step.data_input == 0;
    const auto& constant = step.constants[data_first ? 1 : 0];
    const auto numbers = channel_constant(*constant, step.layout, step.channels);
    if (!numbers) {
        return std::nullopt;
    }
    const Numbers one{1.0};
    const Numbers zero{0.0};
    Numbers changed = *numbers;
    switch (kind) {
        case ir::BinaryKind::kAdd:
            return transformed(affine, one, *numbers);
        case ir::BinaryKind::kSub:
            if (data_first) {
                std::ranges::transform(changed, changed.begin(), std::negate<>());
                return transformed(affine, one, changed);
            }
            return transformed(affine, {-1.0}, *numbers);
        case ir::BinaryKind::kMul:
            return transformed(affine, *numbers, zero);
        case ir::BinaryKind::kDiv:
            if (!data_first) {
                return std::nullopt;
            }
            std::ranges::transform(changed, changed.begin(), [](double value) { return 1.0 / value; });
            return transformed(affine, changed, zero);
        case ir::BinaryKind::kPow:
            return std::ranges::all_of(*numbers, [](double value) { return value == 1.0; }) && data_first
                       ? std::optional(affine)
                       : std::nullopt;
        case ir::BinaryKind::kMin:
        case ir::BinaryKind::kMax:
            return std::nullopt;
    }
    return std::nullopt;
}

}  // namespace

std::size_t Layout::channel_axis() const {
    const auto last = static_cast<int>(axes.size()) - 1;
    return static_cast<std::size_t>(std::find(axes.begin(), axes.end(), last) - axes.begin());
}

Layout Layout::vector(std::int64_t channels) { return {.logical = {channels}, .axes = {0}, .order = {}}; }

std::vector<float> run_chain(const std::vector<ChainStep>& chain, std::vector<float> reals, std::int64_t channels) {
    for (const ChainStep& step : chain) {
        QLOOM_ASSERT(channels % step.channels == 0, "a chain only ever flattens");
        reals = run_step(step, std::move(reals));
    }
    return reals;
}

std::vector<float> reals_of(const Affine& base, const std::vector<std::int64_t>& integers) {
    QLOOM_ASSERT(base.terms.size() == 1, "one stream");
    const std::vector<double>& scale = base.terms[0].scale;
    std::vector<float> reals(integers.size());
    for (std::size_t i = 0; i < integers.size(); ++i) {
        const std::size_t c = i % scale.size();
        reals[i] = static_cast<float>(scale[c] * static_cast<double>(integers[i]) + base.bias[c]);
    }
    return reals;
}

namespace {

// Sums and extremes of operands that move the same way move that way; of other operators nothing is known.
std::vector<Direction> joined_directions(const ChainStep& step, std::int64_t channels) {
    std::vector<Direction> result(static_cast<std::size_t>(channels), Direction::kUnknown);
    const auto& binary = std::get<ir::Binary>(step.node->op);
    const bool difference = binary.kind == ir::BinaryKind::kSub;
    if (!difference && binary.kind != ir::BinaryKind::kAdd && binary.kind != ir::BinaryKind::kMin &&
        binary.kind != ir::BinaryKind::kMax) {
        return result;
    }
    const std::vector<Direction> a = directions(step.branches[0], channels);
    const std::vector<Direction> b = directions(step.branches[1], channels);
    for (std::size_t c = 0; c < result.size(); ++c) {
        const Direction second = difference ? combined(Direction::kDecreasing, b[c]) : b[c];
        if (a[c] == second || second == Direction::kConstant) {
            result[c] = a[c];
        } else if (a[c] == Direction::kConstant) {
            result[c] = second;
        }
    }
    return result;
}

}  // namespace

std::vector<Direction> directions(const std::vector<ChainStep>& chain, std::int64_t channels) {
    std::vector<Direction> result(static_cast<std::size_t>(channels), Direction::kIncreasing);
    for (const ChainStep& step : chain) {
        const std::vector<Direction> one = step.branches.empty()
                                               ? std::visit(StepDirection(step, channels), step.node->op)
                                               : joined_directions(step, channels);
        for (std::size_t c = 0; c < result.size(); ++c) {
            result[c] = combined(result[c], one[c]);
        }
    }
    return result;
}

std::optional<Affine> step_affine(const Affine& affine, const ChainStep& step, bool relu_as_identity) {
    if (!step.branches.empty()) {
        return std::nullopt;
    }
    const ir::Op& op = step.node->op;
    if (const auto* batch_norm = std::get_if<ir::BatchNormalization>(&op)) {
        return batch_norm_affine(affine, step, batch_norm->epsilon);
    }
    if (const auto* binary = std::get_if<ir::Binary>(&op)) {
        return binary_affine(affine, step, binary->kind);
    }
    if (const auto* unary = std::get_if<ir::Unary>(&op)) {
        if (unary->kind == ir::UnaryKind::kIdentity ||
            (unary->kind == ir::UnaryKind::kRelu && relu_as_identity)) {
            return affine;
        }
        return unary->kind == ir::UnaryKind::kNeg ? std::optional(transformed(affine, {-1.0}, {0.0})) : std::nullopt;
    }
    if (std::holds_alternative<ir::Clip>(op)) {
        return relu_as_identity ? std::optional(affine) : std::nullopt;
    }
    if (std::holds_alternative<ir::DequantizeLinear>(op)) {
        const auto scale = channel_constant(*step.constants[1], step.layout, step.channels);
        const bool has_zero = step.constants.size() > 2 && step.constants[2];
        const auto zero = has_zero ? channel_constant(*step.constants[2], step.layout, step.channels)
                                   : std::optional(Numbers(static_cast<std::size_t>(step.channels), 0.0));
        if (!scale || !zero) {
            return std::nullopt;
        }
        Numbers addend(scale->size());
        for (std::size_t c = 0; c < addend.size(); ++c) {
            addend[c] = -(*zero)[c] * (*scale)[c];
        }
        return transformed(affine, *scale, addend);
    }
    if (std::holds_alternative<ir::Dropout>(op) || std::holds_alternative<ir::Cast>(op)) {
        return affine;
    }
    return std::nullopt;
}

std::optional<std::vector<double>> channel_constant(const ir::Value& constant, const Layout& layout,
                                                    std::int64_t channels) {
    const Shape& shape = ir::shape_of(constant);
    const std::size_t rank = layout.logical.size() + 1;
    std::vector<double> result(static_cast<std::size_t>(channels));
    if (element_count(shape) == 1) {
        std::ranges::fill(result, number_at(constant, 0));
        return result;
    }
    // Aligned at the right, as numpy broadcasts.
    const std::size_t channel_from_right = rank - (layout.channel_axis() + 1);
    for (std::size_t i = 0; i < shape.size(); ++i) {
        const bool is_channel = shape.size() - i == channel_from_right;
        if (shape[i] != 1 && !(is_channel && shape[i] == channels)) {
            return std::nullopt;
        }
    }
    return StepDirection::ordered_vector(constant, layout, channels);
}

}  // namespace qloom::lower
