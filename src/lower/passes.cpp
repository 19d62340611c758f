#include "lower/passes.h"

#include <algorithm>

#include "base/codes/lower.h"

namespace qloom::lower {
namespace {

using network::Layer;
using network::MatrixVector;
using network::Network;
using network::Threshold;

void drop_unread_layers(Network& network) {
    for (bool changed = true; changed;) {
        const std::vector<int> readers = network.reader_counts();
        const auto unread = [&](const Layer& layer) {
            return std::ranges::all_of(layer.outputs, [&](network::StreamId id) { return readers[index_of(id)] == 0; });
        };
        changed = std::erase_if(network.layers, unread) > 0;
    }
}

// Streams no layer and no port names any more, and the ids that follow.
void drop_unused_streams(Network& network) {
    std::vector<bool> used(network.streams.size(), false);
    const auto mark = [&](const std::vector<network::StreamId>& ids) {
        for (const network::StreamId id : ids) {
            used[index_of(id)] = true;
        }
    };
    mark(network.inputs);
    mark(network.outputs);
    for (const Layer& layer : network.layers) {
        mark(layer.inputs);
        mark(layer.outputs);
    }
    // Ids stay valid for everyone who holds them: an unused stream is kept, but as one element, so that it costs
    // nothing and is easy to see. Renumbering would have to reach every binding.
    for (std::size_t i = 0; i < used.size(); ++i) {
        if (!used[i]) {
            network.streams[i].shape = {1};
            network.streams[i].range = {0, 0};
            network.streams[i].type = {1, false};
        }
    }
}

bool rises_by_negation(Network& network, Layer& matrix, Layer& step) {
    auto* unit = std::get_if<MatrixVector>(&matrix.kind);
    auto& threshold = std::get<Threshold>(step.kind);
    const std::int64_t rows = threshold.thresholds.dim(0);
    const std::int64_t steps = threshold.thresholds.dim(1);
    if (unit == nullptr || (rows == 1 && unit->matrix_height() != 1)) {
        return false;
    }
    const bool xnor = unit->arithmetic == MatrixVector::Arithmetic::kXnorPopcount;
    const std::int64_t width = unit->matrix_width();
    for (std::int64_t row = 0; row < rows; ++row) {
        if (!threshold.decreasing[static_cast<std::size_t>(row)]) {
            continue;
        }
        for (std::int64_t k = 0; k < width && !xnor && !unit->bipolar_weights; ++k) {
            if (!unit->weight_type.range().contains(-std::int64_t{unit->weights[row * width + k]})) {
                return false;
            }
        }
    }
    for (std::int64_t row = 0; row < rows; ++row) {
        if (!threshold.decreasing[static_cast<std::size_t>(row)]) {
            continue;
        }
        for (std::int64_t k = 0; k < width; ++k) {
            std::int32_t& weight = unit->weights[row * width + k];
            weight = xnor ? 1 - weight : -weight;
        }
        // x < T  <=>  x' >= 1 - T with x' = -x, and x' >= K - T + 1 with x' = K - x.
        std::int64_t* begin = threshold.thresholds.data() + row * steps;
        std::transform(begin, begin + steps, begin, [&](std::int64_t t) { return (xnor ? width : 0) + 1 - t; });
        std::reverse(begin, begin + steps);
    }
    threshold.decreasing.clear();
    // The range that holds both kinds of rows; per-row ranges are not kept here.
    network::Stream& stream = network.stream(matrix.outputs[0]);
    if (!xnor) {
        stream.range = {std::min(stream.range.lo, -stream.range.hi), std::max(stream.range.hi, -stream.range.lo)};
    } else {
        stream.range = {std::min(stream.range.lo, width - stream.range.hi),
                        std::max(stream.range.hi, width - stream.range.lo)};
    }
    return true;
}

// The exact range of a matrix' output from the ranges of whole streams, never wider than what is known.
void tighten(Network& network, const Layer& matrix, const std::vector<Range>& row_ranges) {
    Range all = row_ranges[0];
    for (const Range range : row_ranges) {
        all = all.united(range);
    }
    network::Stream& stream = network.stream(matrix.outputs[0]);
    stream.range = {std::max(stream.range.lo, all.lo), std::min(stream.range.hi, all.hi)};
    stream.type = IntType::smallest(stream.range);
}

std::vector<Range> row_ranges(const Network& network, const Layer& matrix) {
    const auto& unit = std::get<MatrixVector>(matrix.kind);
    const Range input = network.stream(matrix.inputs[0]).range;
    const bool xnor = unit.arithmetic == MatrixVector::Arithmetic::kXnorPopcount;
    std::vector<Range> result;
    for (std::int64_t row = 0; row < unit.matrix_height(); ++row) {
        Range sum{0, 0};
        for (std::int64_t k = 0; k < unit.matrix_width(); ++k) {
            const std::int64_t weight = unit.weights[row * unit.matrix_width() + k];
            const std::int64_t a = xnor ? (weight == input.lo ? 1 : 0) : weight * input.lo;
            const std::int64_t b = xnor ? (weight == input.hi ? 1 : 0) : weight * input.hi;
            sum.lo += std::min(a, b);
            sum.hi += std::max(a, b);
        }
        result.push_back(sum);
    }
    return result;
}

}  // namespace

ir::Graph with_argmax(ir::Graph model) {
    const auto refuse = [&](const std::string& what) {
        throw Error(code::kArgmaxOutput, model.name, what, "leave --postprocess argmax away");
    };
    if (model.outputs().size() != 1) {
        refuse(fmt::format("an argmax needs one output, the model has {}", model.outputs().size()));
    }
    const ir::TensorId scores = model.outputs()[0];
    const ir::TensorInfo& info = model.tensor(scores);
    if (info.type != ir::ElementType::kFloat32 || !info.shape || info.shape->size() < 2 ||
        element_count(*info.shape) != info.shape->back()) {
        refuse(fmt::format("the output {} of shape {} is not one vector of scores a frame", info.name,
                           info.shape ? shape_text(*info.shape) : "?"));
    }
    Shape shape = *info.shape;
    shape.pop_back();
    const ir::TensorId index = model.add_tensor({.name = model.fresh_tensor_name("label"),
                                                 .type = ir::ElementType::kInt64,
                                                 .shape = shape,
                                                 .constant = std::nullopt,
                                                 .annotation = std::nullopt});
    model.add_node({.name = "argmax",
                    .op = ir::ArgMax{.axis = -1, .keep_dims = false},
                    .inputs = {scores},
                    .outputs = {index}});
    model.set_outputs({index});
    return model;
}

ir::Graph without_softmax_before_argmax(ir::Graph model) {
    for (std::size_t i = 0; i < model.nodes().size(); ++i) {
        ir::Node& node = model.node(static_cast<ir::NodeId>(i));
        const auto* argmax = std::get_if<ir::ArgMax>(&node.op);
        const auto* top = std::get_if<ir::TopK>(&node.op);
        if (argmax == nullptr && top == nullptr) {
            continue;
        }
        const ir::NodeId before = model.producer(node.inputs[0]);
        if (before == ir::NodeId::kNone) {
            continue;
        }
        const ir::Node& producer = model.node(before);
        const auto* softmax = std::get_if<ir::Softmax>(&producer.op);
        const auto rank = static_cast<std::int64_t>(model.tensor(node.inputs[0]).shape.value_or(Shape{}).size());
        const auto positive = [rank](std::int64_t axis) { return axis < 0 ? axis + rank : axis; };
        const std::int64_t axis = argmax != nullptr ? argmax->axis : top->axis;
        if (softmax != nullptr && positive(softmax->axis) == positive(axis)) {
            node.inputs[0] = producer.inputs[0];
        }
    }
    return model;
}

network::Network tidied_network(network::Network network) {
    drop_unread_layers(network);
    const std::vector<int> readers = network.reader_counts();
    for (Layer& step : network.layers) {
        const auto* threshold = std::get_if<Threshold>(&step.kind);
        if (threshold == nullptr || threshold->decreasing.empty() || readers[index_of(step.inputs[0])] != 1) {
            continue;
        }
        for (Layer& matrix : network.layers) {
            if (matrix.outputs[0] == step.inputs[0] && rises_by_negation(network, matrix, step)) {
                tighten(network, matrix, row_ranges(network, matrix));
            }
        }
    }
    drop_unused_streams(network);
    return network;
}

}  // namespace qloom::lower
