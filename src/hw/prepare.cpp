#include "hw/prepare.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/int_type.h"

namespace qloom::hw {
namespace {

using network::Add;
using network::Layer;
using network::Network;
using network::Stream;
using network::StreamId;

// What an instance must not be called: words of SystemVerilog that a layer may well be called, and
// names of the top.
constexpr std::array<std::string_view, 84> kReserved{
    "alias",    "always",  "and",      "assert",      "assign",    "assume",     "automatic",
    "before",   "begin",   "bind",     "bit",         "break",     "buf",        "byte",
    "case",     "cell",    "class",    "config",      "const",     "constraint", "context",
    "continue", "cover",   "cross",    "default",     "design",    "disable",    "dist",
    "do",       "edge",    "else",     "end",         "enum",      "event",      "expect",
    "export",   "extends", "final",    "first_match", "for",       "force",      "foreach",
    "forever",  "fork",    "function", "generate",    "genvar",    "if",         "import",
    "initial",  "inout",   "input",    "inside",      "instance",  "int",        "interface",
    "join",     "library", "local",    "logic",       "module",    "new",        "not",
    "or",       "output",  "package",  "parameter",   "primitive", "priority",   "program",
    "property", "rand",    "real",     "reg",         "return",    "sequence",   "signed",
    "static",   "struct",  "table",    "task",        "time",      "type",       "wire"};

std::string identifier(const std::string& name) {
    std::string result;
    for (const char c : name) {
        const bool keep = std::isalnum(static_cast<unsigned char>(c)) != 0;
        if (keep) {
            result.push_back(c);
        } else if (!result.empty() && result.back() != '_') {
            result.push_back('_');
        }
    }
    while (!result.empty() && result.back() == '_') result.pop_back();
    if (result.empty() || std::isdigit(static_cast<unsigned char>(result.front())) != 0)
        result = "layer_" + result;
    const bool reserved = std::ranges::find(kReserved, result) != kReserved.end() ||
                          result == "clk" || result == "rst" || result.starts_with("ap_") ||
                          result.starts_with("ql_") || result.starts_with("s_axis_") ||
                          result.starts_with("m_axis_");
    return reserved ? "layer_" + result : result;
}

template <class Item>
bool has_name(const std::vector<Item>& items, const std::string& name) {
    return std::ranges::find(items, name, &Item::name) != items.end();
}
// Names like `base` that nothing else has.
std::string fresh_stream(const Network& made, const std::string& base) {
    std::string name = base;
    for (int k = 2; has_name(made.streams, name); ++k) name = fmt::format("{}_{}", base, k);
    return name;
}
std::string fresh_layer(const Network& given, const Network& made, const std::string& base) {
    std::string name = base;
    for (int k = 2; has_name(given.layers, name) || has_name(made.layers, name); ++k)
        name = fmt::format("{}_{}", base, k);
    return name;
}

Range sum_range(Range a, std::int64_t a_mul, Range b, std::int64_t b_mul) {
    const auto scaled = [](Range r, std::int64_t m) {
        return m >= 0 ? Range{r.lo * m, r.hi * m} : Range{r.hi * m, r.lo * m};
    };
    const Range x = scaled(a, a_mul);
    const Range y = scaled(b, b_mul);
    return {x.lo + y.lo, x.hi + y.hi};
}

}  // namespace

Network binary_additions(const Network& network) {
    Network result = network;
    result.layers.clear();
    for (const Layer& layer : network.layers) {
        const auto* add = std::get_if<Add>(&layer.kind);
        if (add == nullptr || add->multipliers.size() == 2) {
            result.layers.push_back(layer);
            continue;
        }
        StreamId sum = layer.inputs[0];
        std::int64_t sum_mul = add->multipliers[0];
        for (std::size_t k = 1; k < layer.inputs.size(); ++k) {
            const bool is_last = k + 1 == layer.inputs.size();
            StreamId target = layer.outputs[0];
            if (!is_last) {
                Stream partial = network.stream(target);
                partial.name = fmt::format("{}_sum_{}", partial.name, k);
                partial.range =
                    sum_range(result.stream(sum).range, sum_mul,
                              network.stream(layer.inputs[k]).range, add->multipliers[k]);
                partial.type = IntType::smallest(partial.range);
                target = result.add_stream(partial);
            }
            result.layers.push_back(
                {.name = is_last ? layer.name : fmt::format("{}_sum_{}", layer.name, k),
                 .kind = Add{{sum_mul, add->multipliers[k]}},
                 .inputs = {sum, layer.inputs[k]},
                 .outputs = {target}});
            sum = target;
            sum_mul = 1;
        }
    }
    return result;
}

Network repeated_vectors(const Network& network) {
    Network result = network;
    result.layers.clear();
    for (const Layer& layer : network.layers) {
        const bool is_product = std::holds_alternative<network::Multiply>(layer.kind);
        if (!is_product ||
            network.stream(layer.inputs[0]).shape == network.stream(layer.inputs[1]).shape) {
            result.layers.push_back(layer);
            continue;
        }
        const Shape image = network.stream(layer.inputs[0]).shape;
        const Stream vector = network.stream(layer.inputs[1]);
        StreamId source = layer.inputs[1];
        Shape pixel(image.size(), 1);
        pixel.back() = vector.channels();
        if (vector.shape != pixel) {
            Stream reshaped = vector;
            reshaped.name = fresh_stream(result, layer.name + "_pixel");
            reshaped.shape = pixel;
            const StreamId target = result.add_stream(reshaped);
            result.layers.push_back({.name = fresh_layer(network, result, layer.name + "_pixel"),
                                     .kind = network::Reshape{},
                                     .inputs = {source},
                                     .outputs = {target}});
            source = target;
        }
        Stream repeated = vector;
        repeated.name = fresh_stream(result, layer.name + "_repeated");
        repeated.shape = image;
        const StreamId target = result.add_stream(repeated);
        result.layers.push_back({.name = fresh_layer(network, result, layer.name + "_repeat"),
                                 .kind = network::Upsample{{image.begin(), image.end() - 1}},
                                 .inputs = {source},
                                 .outputs = {target}});
        Layer product = layer;
        product.inputs[1] = target;
        result.layers.push_back(std::move(product));
    }
    return result;
}

bool is_one_repetition(const std::vector<std::int64_t>& factors, const Shape& image) {
    return factors.size() == 1 || factors[0] == 1 || factors[1] == 1 || image[1] == 1;
}

Network single_repetitions(const Network& network) {
    Network result = network;
    result.layers.clear();
    for (const Layer& layer : network.layers) {
        const auto* upsample = std::get_if<network::Upsample>(&layer.kind);
        if (upsample == nullptr ||
            is_one_repetition(upsample->factors, network.stream(layer.inputs[0]).shape)) {
            result.layers.push_back(layer);
            continue;
        }
        Stream rows = network.stream(layer.outputs[0]);
        rows.name = fresh_stream(result, rows.name + "_rows");
        rows.shape = network.stream(layer.inputs[0]).shape;
        rows.shape[0] *= upsample->factors[0];
        const StreamId between = result.add_stream(rows);
        result.layers.push_back({.name = fresh_layer(network, result, layer.name + "_rows"),
                                 .kind = network::Upsample{{upsample->factors[0], 1}},
                                 .inputs = layer.inputs,
                                 .outputs = {between}});
        result.layers.push_back({.name = layer.name,
                                 .kind = network::Upsample{{1, upsample->factors[1]}},
                                 .inputs = {between},
                                 .outputs = layer.outputs});
    }
    return result;
}

Network hardware_form(const Network& network) {
    return single_repetitions(repeated_vectors(binary_additions(network)));
}

std::vector<StreamId> wire_streams(const Network& network) {
    std::vector<StreamId> wires;
    for (std::size_t i = 0; i < network.streams.size(); ++i)
        wires.push_back(static_cast<StreamId>(i));
    for (const Layer& layer : network.layers) {
        if (!std::holds_alternative<network::Reshape>(layer.kind)) continue;
        wires[network::index_of(layer.outputs[0])] = wires[network::index_of(layer.inputs[0])];
    }
    return wires;
}

std::vector<std::string> instance_names(const Network& network) {
    std::set<std::string> used;
    std::vector<std::string> names;
    for (const Layer& layer : network.layers) {
        const std::string base = identifier(layer.name);
        std::string name = base;
        for (int k = 2; !used.insert(name).second; ++k) name = fmt::format("{}_{}", base, k);
        names.push_back(name);
    }
    return names;
}

}  // namespace qloom::hw
