#include <algorithm>
#include <cmath>
#include <map>

#include "base/codes/lower.h"
#include "lower/lowerer.h"

namespace qloom::lower {
namespace {

// Two scales from one quantiser are equal to the last bit; products of float scales agree to about 2^-22.
constexpr double kSameScale = 1e-6;
constexpr std::int64_t kLargestWeight = std::int64_t{1} << 15;
constexpr int kLargestScaleRatio = 256;

// The matrix of one stream, (M, K) row-major in stream order, as integer weights times a scale a row.
struct IntegerMatrix {
    std::vector<std::int64_t> weights;
    std::vector<double> row_scale;
};

// `real` is (M, K): finds integers n and a scale a row with real = scale * n, `base` being the integers known already
// when all columns share a scale. Fails when a row's columns have no small common divisor.
std::optional<IntegerMatrix> common_scale(const std::vector<double>& column_scale, const std::vector<std::int64_t>& ints,
                                          const std::vector<double>& weight_scale, std::size_t rows, std::size_t columns) {
    IntegerMatrix result{std::vector<std::int64_t>(rows * columns, 0), std::vector<double>(rows, 1.0)};
    for (std::size_t m = 0; m < rows; ++m) {
        double smallest = 0.0;
        for (std::size_t k = 0; k < columns; ++k) {
            const double scale = std::abs(column_scale[k] * weight_scale[m * columns + k]);
            if (ints[m * columns + k] != 0 && scale != 0.0 && (smallest == 0.0 || scale < smallest)) {
                smallest = scale;
            }
        }
        if (smallest == 0.0) {
            continue;
        }
        bool found = false;
        for (int divisor = 1; divisor <= 8 && !found; ++divisor) {
            const double unit = smallest / divisor;
            found = true;
            for (std::size_t k = 0; k < columns && found; ++k) {
                const std::size_t i = m * columns + k;
                const double ratio = column_scale[k] * weight_scale[i] / unit;
                const double whole = std::nearbyint(ratio);
                const std::int64_t weight = static_cast<std::int64_t>(whole) * ints[i];
                found = ints[i] == 0 || (std::abs(ratio - whole) <= kSameScale * std::abs(ratio) &&
                                         std::abs(whole) <= kLargestScaleRatio && std::abs(weight) <= kLargestWeight);
                result.weights[i] = weight;
            }
            result.row_scale[m] = unit;
        }
        if (!found) {
            return std::nullopt;
        }
    }
    return result;
}

// The largest magnitude any row's sum can reach, in doubles, which cannot overflow.
double largest_sum(const std::vector<std::int64_t>& weights, const std::vector<Range>& ranges, std::size_t rows) {
    double largest = 0.0;
    for (std::size_t m = 0; m < rows; ++m) {
        double sum = 0.0;
        for (std::size_t k = 0; k < ranges.size(); ++k) {
            const double magnitude = std::max(-static_cast<double>(ranges[k].lo), static_cast<double>(ranges[k].hi));
            sum += std::abs(static_cast<double>(weights[m * ranges.size() + k])) * magnitude;
        }
        largest = std::max(largest, sum);
    }
    return largest;
}

bool all_bipolar(const std::vector<std::int64_t>& weights) {
    return std::ranges::all_of(weights, [](std::int64_t weight) { return weight == 1 || weight == -1; });
}

}  // namespace

std::pair<Value, ScaledWeights> Lowerer::product_operands(const ir::Node& node) {
    if (where(node.inputs[0]) != Where::kInteger || where(node.inputs[1]) != Where::kConstant) {
        throw Error(code::kUnsupportedOperator, node_label(node),
                    "a product is hardware when its first operand is a value and its second a constant matrix",
                    "use a layer with constant weights here");
    }
    Value x = merged_input(node, node.inputs[0]);
    if (!x.affine) {
        throw Error(code::kUnquantisedActivation, node_label(node),
                    fmt::format("its input passed {} without a quantiser behind it",
                                x.chain.empty() ? "an activation" : "node " + x.chain.back().node->name),
                    "quantise the activation (in Brevitas: give it an act_quant)");
    }
    const std::optional<ScaledWeights> weights = constants_.weights(node.inputs[1]);
    if (!weights) {
        throw Error(code::kFloatWeights, node_label(node), "its weights are floats, not quantised",
                    "quantise the model (qloom quantize), or train it with quantised weights");
    }
    if (weights->ints.rank() != 2 || x.layout.channel_axis() + 1 != x.layout.logical.size() ||
        weights->ints.dim(0) != x.base.channels()) {
        throw Error(code::kUnsupportedShape, node_label(node),
                    fmt::format("a matrix of shape {} on a value of shape {} is not supported",
                                shape_text(weights->ints.shape()), shape_text(x.layout.logical)),
                    "the matrix must be (inputs, outputs) with the inputs on the value's last axis");
    }
    return {std::move(x), *weights};
}

void Lowerer::lower_matmul(const ir::Node& node) {
    const auto [x, weights] = product_operands(node);
    if (const std::optional<ScaledWeights> kernel = depthwise_kernel(x, weights)) {
        set_value(node.outputs[0], depthwise(node, x, *kernel));
        return;
    }
    set_value(node.outputs[0], multiply_matrix(node, x, weights));
}

// y[m] = #{k : x[k] == w[k][m]} over bits: sum_k x[k] * (2 w[k][m] - 1) + sum_k (1 - w[k][m]).
void Lowerer::lower_xnor_popcount(const ir::Node& node) {
    auto [x, weights] = product_operands(node);
    const std::int64_t outputs = weights.ints.dim(1);
    std::vector<double> zeros(static_cast<std::size_t>(outputs), 0.0);
    for (std::int64_t i = 0; i < weights.ints.size(); ++i) {
        if (weights.scale[i] != 1.0 || (weights.ints[i] != 0 && weights.ints[i] != 1)) {
            throw Error(code::kFloatWeights, node_label(node), "its weights are not bits",
                        "give it a matrix of zeros and ones");
        }
        zeros[static_cast<std::size_t>(i % outputs)] += static_cast<double>(1 - weights.ints[i]);
        weights.ints[i] = 2 * weights.ints[i] - 1;
    }
    Value result = multiply_matrix(node, x, weights);
    for (std::size_t m = 0; m < zeros.size(); ++m) {
        result.base.bias[m] += zeros[m];
    }
    result.affine = result.base;
    result.linear_core = result.base;
    set_value(node.outputs[0], std::move(result));
}

Value Lowerer::multiply_matrix(const ir::Node& node, const Value& x, const ScaledWeights& weights) {
    const auto columns = static_cast<std::size_t>(weights.ints.dim(0));
    const auto rows = static_cast<std::size_t>(weights.ints.dim(1));
    // (K, M) in model order -> (M, K) in stream order.
    std::vector<std::int64_t> ints(rows * columns);
    std::vector<double> scales(rows * columns);
    for (std::size_t k = 0; k < columns; ++k) {
        const std::size_t column = x.layout.order.empty() ? k : static_cast<std::size_t>(x.layout.order[k]);
        for (std::size_t m = 0; m < rows; ++m) {
            const auto at = static_cast<std::int64_t>(k * rows + m);
            ints[m * columns + column] = weights.ints[at];
            scales[m * columns + column] = weights.scale[at];
        }
    }
    Value result;
    result.anchor = node.outputs[0];
    result.base.bias.assign(rows, 0.0);
    for (std::size_t m = 0; m < rows; ++m) {
        for (std::size_t k = 0; k < columns; ++k) {
            const std::size_t i = m * columns + k;
            result.base.bias[m] += x.affine->bias[k] * scales[i] * static_cast<double>(ints[i]);
        }
    }
    result.layout.logical = x.layout.logical;
    result.layout.logical[x.layout.channel_axis()] = static_cast<std::int64_t>(rows);
    result.layout.axes = x.layout.axes;

    // Columns whose scales have no common unit become products of their own.
    std::vector<std::pair<Term, std::vector<std::int64_t>>> parts;  // a term and the columns it keeps
    for (const Term& term : x.affine->terms) {
        if (common_scale(term.scale, ints, scales, rows, columns)) {
            parts.emplace_back(term, ints);
            continue;
        }
        std::map<double, std::vector<std::size_t>> groups;
        for (std::size_t k = 0; k < columns; ++k) {
            groups[term.scale[k]].push_back(k);
        }
        for (const auto& [scale, members] : groups) {
            std::vector<std::int64_t> kept(ints.size(), 0);
            for (const std::size_t k : members) {
                for (std::size_t m = 0; m < rows; ++m) {
                    kept[m * columns + k] = ints[m * columns + k];
                }
            }
            parts.emplace_back(term, std::move(kept));
        }
    }
    for (std::size_t part = 0; part < parts.size(); ++part) {
        const auto& [term, kept] = parts[part];
        const std::optional<IntegerMatrix> matrix = common_scale(term.scale, kept, scales, rows, columns);
        if (!matrix) {
            throw Error(code::kFloatWeights, node_label(node),
                        "the scales of its weights differ along the inputs and have no common unit",
                        "use one weight scale, or one a output channel");
        }
        const network::Stream input = result_.network.stream(term.stream);
        const std::vector<Range>& input_ranges = ranges(term.stream);
        network::MatrixVector unit;
        unit.weights = Tensor<std::int32_t>({static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)});
        const bool bipolar = all_bipolar(matrix->weights);
        const bool xnor = bipolar && input.type == (IntType{1, false});
        if (largest_sum(matrix->weights, input_ranges, rows) >= std::ldexp(1.0, 52)) {
            throw Error(code::kAccumulatorTooWide, node_label(node), "its accumulators need more than 52 bits",
                        "use fewer bits in weights or activations");
        }
        std::vector<Range> sums(rows, Range{0, 0});
        Range weight_range{0, 0};
        Term output;
        for (std::size_t m = 0; m < rows; ++m) {
            std::int64_t minus_ones = 0;
            for (std::size_t k = 0; k < columns; ++k) {
                const std::size_t i = m * columns + k;
                const std::int64_t weight = matrix->weights[i];
                const std::int64_t a = weight * input_ranges[k].lo;
                const std::int64_t b = weight * input_ranges[k].hi;
                sums[m].lo += std::min(a, b);
                sums[m].hi += std::max(a, b);
                minus_ones += weight < 0 ? 1 : 0;
                weight_range = weight_range.united({weight, weight});
                unit.weights[static_cast<std::int64_t>(i)] = static_cast<std::int32_t>(xnor && weight < 0 ? 0 : weight);
            }
            if (xnor) {
                // sum w x over bits x equals popcount(xnor) minus the number of -1 weights.
                sums[m].lo += minus_ones;
                sums[m].hi += minus_ones;
                result.base.bias[m] -= matrix->row_scale[m] * static_cast<double>(minus_ones);
            }
            output.scale.push_back(matrix->row_scale[m]);
        }
        unit.arithmetic = xnor ? network::MatrixVector::Arithmetic::kXnorPopcount
                               : network::MatrixVector::Arithmetic::kInteger;
        unit.bipolar_weights = bipolar && !xnor;
        unit.weight_type = IntType::smallest({std::min<std::int64_t>(weight_range.lo, -1), weight_range.hi});
        Shape shape = input.shape;
        shape.back() = static_cast<std::int64_t>(rows);
        const std::string suffix = parts.size() > 1 ? fmt::format("_part{}", part) : "";
        output.stream = add_stream(model_.tensor(node.outputs[0]).name + suffix, shape, std::move(sums));
        add_layer(node.name + suffix, std::move(unit), {term.stream}, {output.stream});
        result.base.terms.push_back(std::move(output));
    }
    result.affine = result.base;
    result.linear_core = result.base;
    record(node, Placement::kHardware,
           fmt::format("a {} x {} matrix-vector unit{}", rows, columns,
                       parts.size() > 1 ? fmt::format(" in {} parts of different scale", parts.size()) : ""));
    return result;
}

}  // namespace qloom::lower
