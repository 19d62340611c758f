#include "view/layer_facts.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ir/ops.h"

namespace qloom::view {
namespace {

namespace net = network;

std::string range_text(const std::vector<std::int64_t>& values) {
    const auto [lo, hi] = std::ranges::minmax(values);
    return lo == hi ? fmt::format("{}", lo) : fmt::format("{} to {}, by channel", lo, hi);
}

std::string weight_text(IntType type, bool bipolar) {
    return bipolar ? "-1 or +1, one bit" : type.text();
}

std::string reduction_text(net::Reduction reduction) {
    return reduction == net::Reduction::kMax ? "largest" : "sum";
}

Facts window_facts(const net::SlidingWindow& window) {
    Facts facts;
    const auto add = [&](const char* name, auto value_of) {
        std::vector<std::string> texts;
        for (const net::WindowAxis& axis : window.axes) texts.push_back(value_of(axis));
        facts.emplace_back(name, fmt::format("{}", fmt::join(texts, ", ")));
    };
    add("kernel", [](const net::WindowAxis& axis) { return fmt::format("{}", axis.kernel); });
    add("stride", [](const net::WindowAxis& axis) { return fmt::format("{}", axis.stride); });
    add("dilation", [](const net::WindowAxis& axis) { return fmt::format("{}", axis.dilation); });
    add("padding", [](const net::WindowAxis& axis) {
        return fmt::format("{} + {}", axis.pad_begin, axis.pad_end);
    });
    facts.emplace_back("padding value", fmt::format("{}", window.pad_value));
    return facts;
}

Facts rows_facts(const char* what, const Shape& shape) {
    return {{what, fmt::format("{}", shape[1])},
            {"rows", shape[0] == 1 ? "1, for all channels" : fmt::format("{}", shape[0])}};
}

}  // namespace

Facts layer_facts(const net::LayerKind& kind) {
    return std::visit(
        ir::Overloaded{
            [](const net::MatrixVector& layer) -> Facts {
                const bool xnor = layer.arithmetic == net::MatrixVector::Arithmetic::kXnorPopcount;
                return {
                    {"matrix", fmt::format("{} x {}", layer.matrix_height(), layer.matrix_width())},
                    {"arithmetic", xnor ? "XNOR and popcount" : "integer"},
                    {"weights",
                     xnor ? "bits" : weight_text(layer.weight_type, layer.bipolar_weights)}};
            },
            [](const net::VectorVector& layer) -> Facts {
                return {{"channels", fmt::format("{}", layer.weights.dim(0))},
                        {"kernel positions", fmt::format("{}", layer.weights.dim(1))},
                        {"multiplier", fmt::format("{}", layer.multiplier)},
                        {"weights", weight_text(layer.weight_type, layer.bipolar_weights)}};
            },
            [](const net::Threshold& layer) -> Facts {
                Facts facts = rows_facts("thresholds", layer.thresholds.shape());
                facts.emplace_back("lowest output", fmt::format("{}", layer.out_bias));
                const auto falling = std::ranges::count(layer.decreasing, true);
                if (falling > 0) facts.emplace_back("decreasing rows", fmt::format("{}", falling));
                return facts;
            },
            [](const net::Lookup& layer) -> Facts {
                Facts facts = rows_facts("table entries", layer.table.shape());
                facts.emplace_back("first input", fmt::format("{}", layer.input_lo));
                return facts;
            },
            [](const net::Requantize& layer) -> Facts {
                return {{"multiplier", range_text(layer.mul)},
                        {"addend", range_text(layer.add)},
                        {"shift", fmt::format("{}", layer.shift)},
                        {"clip", fmt::format("{} to {}", layer.lo, layer.hi)}};
            },
            [](const net::ChannelAffine& layer) -> Facts {
                return {{"multiplier", range_text(layer.mul)}, {"addend", range_text(layer.add)}};
            },
            [](const net::Add& layer) -> Facts {
                return {{"multipliers", fmt::format("{}", fmt::join(layer.multipliers, ", "))}};
            },
            [](const net::SlidingWindow& layer) -> Facts { return window_facts(layer); },
            [](const net::WindowReduce& layer) -> Facts {
                return {{"reduction", reduction_text(layer.reduction)},
                        {"positions", fmt::format("{}", layer.positions)}};
            },
            [](const net::GlobalReduce& layer) -> Facts {
                return {{"reduction", reduction_text(layer.reduction)}};
            },
            [](const net::Upsample& layer) -> Facts {
                return {{"factors", fmt::format("{}", fmt::join(layer.factors, ", "))}};
            },
            [](const net::InsertPixels& layer) -> Facts {
                return {{"factors", fmt::format("{}", fmt::join(layer.factors, ", "))},
                        {"value", fmt::format("{}", layer.value)}};
            },
            [](const net::DepthToSpace& layer) -> Facts {
                return {{"block", fmt::format("{}", layer.block)}};
            },
            [](const auto&) -> Facts { return {}; },  // no parameters, or as many as channels
        },
        kind);
}

}  // namespace qloom::view
