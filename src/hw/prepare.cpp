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
