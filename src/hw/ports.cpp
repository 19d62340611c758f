#include <algorithm>
#include <bit>
#include <set>
#include <string>

#include <fmt/format.h>

#include "base/codes/hw.h"
#include "base/diagnostic.h"
#include "hw/fold_choice.h"

namespace qloom::hw {
namespace {

using network::Network;
using network::Stream;

// The widest port that any DMA of the supported boards takes without help.
constexpr std::int64_t kDmaBits = 64;

bool is_dma_width(std::int64_t bits) {
    const std::int64_t padded = (bits + 7) / 8 * 8;
    return std::has_single_bit(static_cast<std::uint64_t>(padded));
}

std::int64_t pinned_elements(const FoldOptions& options, const std::string& port,
                             const Stream& stream) {
    if (!options.folding) return 0;
    const auto found = options.folding->ports.find(port);
    if (found == options.folding->ports.end()) return 0;
    const std::int64_t elements = found->second;
    if (stream.elements() % elements != 0) {
        throw Error(code::kFoldingIllegal, "port " + port,
                    fmt::format("{} elements a beat do not divide a frame of {}", elements,
                                stream.elements()),
                    fmt::format("legal: {}", fmt::join(divisors(stream.elements()), ", ")));
    }
    return elements;
}

// The narrowest port that keeps the target, and rather a DMA width (a power of two bytes) than a
// slightly narrower one.
std::int64_t input_elements(const Stream& stream, std::int64_t target_ii) {
    std::int64_t narrowest = 0;
    for (const std::int64_t elements : divisors(stream.elements())) {
        if (stream.elements() / elements > target_ii) continue;
        if (narrowest == 0) narrowest = elements;
        if (elements > 4 * narrowest) break;
        if (is_dma_width(elements * stream.type.bits)) return elements;
    }
    return narrowest;
}

// As wide as the results come (`natural` elements a beat) while that is a DMA width, wider only for
// the target.
std::int64_t output_elements(const Stream& stream, std::int64_t target_ii, std::int64_t natural) {
    const std::int64_t bits = output_element_bits(stream.type);
    std::int64_t best = 0;
    for (const std::int64_t elements : divisors(stream.elements())) {
        if (stream.elements() / elements > target_ii) continue;
        const bool fits = std::has_single_bit(static_cast<std::uint64_t>(elements)) &&
                          elements * bits <= kDmaBits && elements <= natural;
        if (best == 0 || fits) best = elements;
    }
    return best;
}

void check_port_names(const Network& network, const FoldingFile& file) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < network.inputs.size(); ++i)
        names.push_back(fmt::format("s_axis_{}", i));
    for (std::size_t i = 0; i < network.outputs.size(); ++i)
        names.push_back(fmt::format("m_axis_{}", i));
    for (const auto& [name, elements] : file.ports) {
        if (std::ranges::find(names, name) != names.end()) continue;
        throw Error(code::kFoldingUnknownLayer, file.where,
                    fmt::format("the accelerator has no port {}", name),
                    fmt::format("its ports: {}", fmt::join(names, ", ")));
    }
}

}  // namespace

std::int64_t input_port_elements(const Network& network, std::size_t index, std::int64_t target_ii,
                                 const FoldOptions& options) {
    const Stream& stream = network.stream(network.inputs[index]);
    const std::int64_t pinned = pinned_elements(options, fmt::format("s_axis_{}", index), stream);
    return pinned != 0 ? pinned : input_elements(stream, target_ii);
}

std::int64_t output_port_elements(const Network& network, std::size_t index, std::int64_t target_ii,
                                  const FoldOptions& options, std::int64_t made) {
    const Stream& stream = network.stream(network.outputs[index]);
    const std::int64_t pinned = pinned_elements(options, fmt::format("m_axis_{}", index), stream);
    return pinned != 0 ? pinned : output_elements(stream, target_ii, made);
}

void choose_ports(const Network& network, std::int64_t target_ii, const FoldOptions& options,
                  Plan& plan) {
    if (options.folding) check_port_names(network, *options.folding);
    plan.input_elements.clear();
    plan.output_elements.clear();
    for (std::size_t i = 0; i < network.inputs.size(); ++i)
        plan.input_elements.push_back(input_port_elements(network, i, target_ii, options));
    const std::vector<std::int64_t> made = made_elements(network, plan);
    for (std::size_t i = 0; i < network.outputs.size(); ++i) {
        plan.output_elements.push_back(
            output_port_elements(network, i, target_ii, options, made[i]));
    }
}

}  // namespace qloom::hw
