#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "hw/accelerator.h"

namespace qloom::hw {
namespace {

std::string percent(double part, double whole) {
    return fmt::format("{:.1f} %", 100.0 * part / std::max(whole, 1.0));
}

// "1,200 LUTs more, 2 block RAMs less"
std::string difference(const Resources& more) {
    const std::array<double, 4> amounts = as_array(more);
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < amounts.size(); ++i) {
        // Flip-flops are never what decides, and half a block RAM is a block RAM of half the size.
        if (i == 1 || std::abs(amounts[i]) < 0.25) continue;
        const std::string amount = i == 2 ? fmt::format("{:g}", std::abs(amounts[i]))
                                          : fmt::format("{:.0f}", std::abs(amounts[i]));
        if (amount == "0") continue;
        parts.push_back(fmt::format("{} {} {}", amount, kResourceTitles[i],
                                    amounts[i] > 0.0 ? "more" : "less"));
    }
    return parts.empty() ? "nothing more" : fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace

std::array<double, 4> as_array(const Resources& resources) {
    return {resources.luts, resources.ffs, resources.bram36, resources.dsps};
}

std::string_view resource_title(std::string_view name) {
    const auto* found = std::ranges::find(kResourceNames, name);
    return found == kResourceNames.end()
               ? name
               : kResourceTitles[static_cast<std::size_t>(found - kResourceNames.begin())];
}

std::vector<std::string> explain(const Accelerator& accelerator) {
    std::vector<std::string> lines;
    if (!accelerator.decision) return lines;
    const Decision& decision = *accelerator.decision;
    const std::array<double, 4> used = as_array(accelerator.total());
    const std::array<double, 4> limits = as_array(decision.limits);
    if (decision.is_cheapest) {
        lines.push_back(fmt::format(
            "cost: worth {:.0f} LUTs; no folding that meets the target is cheaper", decision.price));
    } else {
        lines.push_back(fmt::format(
            "cost: worth {:.0f} LUTs; at most {:.1f} % above the cheapest that meets the target",
            decision.price,
            100.0 * (decision.price / std::max(decision.lower_bound, 1.0) - 1.0)));
    }
    const auto* binding = std::ranges::find(kResourceNames, decision.binding);
    if (binding != kResourceNames.end()) {
        const auto i = static_cast<std::size_t>(binding - kResourceNames.begin());
        lines.push_back(fmt::format("fullest: {}, {} of the {:.0f} that may be used",
                                    kResourceTitles[i], percent(used[i], limits[i]), limits[i]));
    }
    if (!decision.bottleneck.empty()) {
        constexpr std::size_t kMostNames = 4;
        std::vector<std::string> names(
            decision.bottleneck.begin(),
            decision.bottleneck.begin() +
                static_cast<std::ptrdiff_t>(std::min(kMostNames, decision.bottleneck.size())));
        if (decision.bottleneck.size() > kMostNames)
            names.push_back(fmt::format("{} more", decision.bottleneck.size() - kMostNames));
        lines.push_back(fmt::format("slowest: {}", fmt::join(names, ", ")));
    }
    if (!decision.next) {
        lines.emplace_back("next step: none, no folding is faster");
    } else {
        const Decision::Step& next = *decision.next;
        const std::string rate =
            fmt::format("a frame every {} cycle{} ({:.0f} frames/s)", next.ii_cycles,
                        next.ii_cycles == 1 ? "" : "s",
                        accelerator.clock_mhz * 1e6 / static_cast<double>(next.ii_cycles));
        if (next.fits) {
            lines.push_back(fmt::format("next step: {} costs {}", rate, difference(next.more)));
        } else if (next.lacks.empty()) {
            lines.push_back(fmt::format("next step: {}: no folding was found that fits", rate));
        } else {
            lines.push_back(fmt::format("next step: {} does not fit, at least {:.0f} {} are missing",
                                        rate, std::ceil(next.by - 1e-6),
                                        resource_title(next.lacks)));
        }
    }
    return lines;
}

}  // namespace qloom::hw
