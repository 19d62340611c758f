#include "hw/fold.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

#include "base/codes/hw.h"
#include "base/diagnostic.h"
#include "hw/assemble.h"
#include "hw/chooser.h"
#include "hw/constant_layers.h"
#include "hw/fold_choice.h"
#include "hw/prepare.h"
#include "hw/stream_model.h"

namespace qloom::hw {
namespace {

using network::Network;

double checked_clock(const FoldOptions& options) {
    const double clock = options.clock_mhz == 0.0 ? options.board.clock_mhz : options.clock_mhz;
    if (!(clock >= 1.0 && clock <= 1000.0)) {
        throw Error(code::kClockBad, "clock", fmt::format("{:g} MHz makes no sense", clock),
                    "give a clock from 1 to 1000 MHz");
    }
    return clock;
}

// Cycles a frame; nothing where the highest rate is asked for.
std::optional<std::int64_t> checked_target(const FoldOptions& options, double clock_mhz) {
    constexpr const char* kAdvice =
        "give one target above zero, in frames/s or in cycles a frame";
    const int given = (options.target_ii ? 1 : 0) + (options.target_fps ? 1 : 0) +
                      (options.max_rate ? 1 : 0);
    if (given != 1) {
        throw Error(code::kTargetBad, "target",
                    given == 0           ? "there is none"
                    : options.max_rate ? "a rate and the highest rate are asked for"
                                       : "both frames/s and cycles a frame are given",
                    kAdvice);
    }
    if (options.max_rate) return std::nullopt;
    if (options.target_ii) {
        if (*options.target_ii < 1) {
            throw Error(code::kTargetBad, "target",
                        fmt::format("{} cycles a frame make no sense", *options.target_ii),
                        kAdvice);
        }
        return *options.target_ii;
    }
    const double fps = *options.target_fps;
    if (!(fps > 0.0) || !std::isfinite(fps)) {
        throw Error(code::kTargetBad, "target", fmt::format("{:g} frames/s make no sense", fps),
                    kAdvice);
    }
    const double cycles = std::floor(clock_mhz * 1e6 / fps * (1.0 + 1e-12));
    return cycles >= 1e15 ? std::int64_t{1'000'000'000'000'000} : static_cast<std::int64_t>(cycles);
}

void check_limits(const FoldOptions& options) {
    const auto refuse = [](const std::string& what, const char* advice) {
        throw Error(code::kTargetBad, "limits", what, advice);
    };
    if (options.headroom && !(*options.headroom >= 0.0 && *options.headroom < 1.0)) {
        refuse(fmt::format("a headroom of {:g} % leaves nothing", *options.headroom * 100.0),
               "give a headroom from 0 to below 100 %");
    }
    if (options.most_luts && *options.most_luts < 1)
        refuse(fmt::format("{} LUTs are none", *options.most_luts), "give at least 1");
    if (options.most_dsps && *options.most_dsps < 0)
        refuse(fmt::format("{} DSP blocks make no sense", *options.most_dsps), "give 0 or more");
    if (options.most_latency_us && !(*options.most_latency_us > 0.0))
        refuse(fmt::format("a latency of {:g} us makes no sense", *options.most_latency_us),
               "give a latency above zero");
    if (!(options.slack >= 0.0 && options.slack <= 1.0))
        refuse(fmt::format("a slack of {:g} makes no sense", options.slack), "give 0 to 1");
}

bool must_fit(const FoldOptions& options) {
    return options.must_fit || options.max_rate || options.most_luts || options.most_dsps;
}

std::string count(std::int64_t cycles) {
    return fmt::format("{} cycle{}", cycles, cycles == 1 ? "" : "s");
}
std::string rate_text(std::int64_t ii, double clock_mhz) {
    return fmt::format("{} a frame, {:.0f} frames/s at {:g} MHz", count(ii),
                       clock_mhz * 1e6 / static_cast<double>(ii), clock_mhz);
}

[[noreturn]] void throw_unreachable(const FoldSpace& space, std::int64_t target_ii,
                                    double clock_mhz) {
    throw Error(code::kTargetUnreachable, space.limiting,
                fmt::format("needs at least {} a frame, and the target allows {}",
                            count(space.fastest_ii), target_ii),
                fmt::format("the best reachable is {}", rate_text(space.fastest_ii, clock_mhz)));
}

// "110 DSP blocks", or "what a headroom of 20 % leaves of them"
std::string limit_text(const Chooser& chooser, const FoldOptions& options, std::string_view lacks) {
    const auto index = static_cast<std::size_t>(std::ranges::find(kResourceNames, lacks) -
                                                kResourceNames.begin());
    const double limit = chooser.limits()[index];
    const double board = as_array({static_cast<double>(options.board.luts),
                                   static_cast<double>(options.board.ffs),
                                   static_cast<double>(options.board.bram36),
                                   static_cast<double>(options.board.dsps)})[index];
    const std::string name = options.board.name.empty() ? "the board" : options.board.name;
    if (limit == board) return fmt::format("{} has {:.0f}", name, board);
    return fmt::format("{:.0f} may be used", limit);
}

// The fastest rate whose cheapest folding keeps the limits: rates are halved, because more cycles
// never need more. Nothing where even the slowest does not fit.
std::optional<std::int64_t> fastest_that_fits(Chooser& chooser, std::int64_t from) {
    std::vector<std::int64_t> rates = chooser.rates();
    std::erase_if(rates, [&](std::int64_t rate) { return rate < from; });
    if (rates.empty() || !chooser.probe(rates.back(), true).usage) return std::nullopt;
    std::size_t low = 0;  // rates[high] fits
    std::size_t high = rates.size() - 1;
    while (low < high) {
        const std::size_t middle = low + (high - low) / 2;
        if (chooser.probe(rates[middle], true).usage) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return rates[high];
}

[[noreturn]] void throw_does_not_fit(Chooser& chooser, const FoldOptions& options,
                                     std::int64_t target_ii, double clock_mhz,
                                     const std::string& lacks, double by) {
    const auto index = static_cast<std::size_t>(std::ranges::find(kResourceNames, lacks) -
                                                kResourceNames.begin());
    const std::optional<std::int64_t> best = fastest_that_fits(chooser, target_ii);
    const double need = chooser.limits()[index] + by;
    throw Error(code::kDoesNotFit, fmt::format("target of {} a frame", count(target_ii)),
                fmt::format("needs at least {:.0f} {}, and {}: {:.0f} ({:.0f} %) too many",
                            std::ceil(need - 0.5), resource_title(lacks),
                            limit_text(chooser, options, lacks), std::ceil(by - 0.5),
                            100.0 * by / std::max(chooser.limits()[index], 1.0)),
                best ? fmt::format("the best that fits is {}", rate_text(*best, clock_mhz))
                     : "no rate fits: take a larger board, or a smaller network");
}

void add_notes(Accelerator& accelerator) {
    const Resources total = accelerator.total();
    const Board& board = accelerator.board;
    const auto compare = [&](double need, std::int64_t have, const char* what) {
        if (need <= static_cast<double>(have)) return;
        accelerator.notes.push_back(fmt::format("needs about {:.0f} {}, and {} has {}", need, what,
                                                board.name.empty() ? "the board" : board.name,
                                                have));
    };
    if (!board.has_estimates()) {
        accelerator.notes.push_back(
            fmt::format("LUTs and block RAM are estimated for 7 series devices; `qloom synth` says "
                        "what they are on {}",
                        board.name));
    } else if (board.luts > 0) {
        compare(total.luts, board.luts, "LUTs");
        compare(total.ffs, board.ffs, "flip-flops");
        compare(total.bram36, board.bram36, "block RAMs");
        compare(total.dsps, board.dsps, "DSP blocks");
    }
    if (accelerator.ii_cycles > accelerator.target_ii) {
        std::string slowest;
        for (const Unit& unit : accelerator.units) {
            if (unit.cycles == accelerator.ii_cycles)
                slowest = unit.layer.empty() ? unit.name : unit.layer;
        }
        accelerator.notes.push_back(
            fmt::format("takes {} cycles a frame with the given folding{}, the target was {}",
                        accelerator.ii_cycles, slowest.empty() ? "" : " (" + slowest + ")",
                        accelerator.target_ii));
    }
}

// What sets the rate: layers and ports, by name.
std::vector<std::string> bottleneck_of(const Accelerator& accelerator) {
    std::int64_t slowest = 1;
    for (const Unit& unit : accelerator.units) slowest = std::max(slowest, unit.cycles);
    for (const auto* ports : {&accelerator.inputs, &accelerator.outputs}) {
        for (const Port& port : *ports) slowest = std::max(slowest, port.beats);
    }
    std::vector<std::string> names;
    for (const Port& port : accelerator.inputs) {
        if (port.beats == slowest) names.push_back(port.name);
    }
    for (const Unit& unit : accelerator.units) {
        if (unit.cycles == slowest && !unit.layer.empty()) names.push_back(unit.layer);
    }
    for (const Port& port : accelerator.outputs) {
        if (port.beats == slowest) names.push_back(port.name);
    }
    return names;
}

// Cycles a frame of the slowest unit or port.
std::int64_t pace_of(const Accelerator& accelerator) {
    std::int64_t slowest = 1;
    for (const Unit& unit : accelerator.units) slowest = std::max(slowest, unit.cycles);
    for (const Port& port : accelerator.inputs) slowest = std::max(slowest, port.beats);
    for (const Port& port : accelerator.outputs) slowest = std::max(slowest, port.beats);
    return slowest;
}

Decision decide(Chooser& chooser, const Chosen& chosen) {
    Decision decision;
    decision.price = chosen.price;
    decision.lower_bound = chosen.lower_bound;
    decision.is_cheapest = chosen.price <= chosen.lower_bound + 1e-6;
    decision.bottleneck = bottleneck_of(chosen.accelerator);
    const std::array<double, 4> used = as_array(chosen.accelerator.total());
    Usage limits = {};
    double fullest = -1.0;
    for (std::size_t i = 0; i < kUsageKinds; ++i) {
        if (!std::isfinite(chooser.limits()[i])) continue;
        limits[i] = chooser.limits()[i];
        const double share = used[i] / std::max(limits[i], 1.0);
        if (share <= fullest) continue;
        fullest = share;
        decision.binding = kResourceNames[i];
    }
    decision.limits = resources_of(limits);
    const std::vector<std::int64_t> rates = chooser.rates();
    const auto here = std::ranges::lower_bound(rates, pace_of(chosen.accelerator));
    if (here == rates.begin()) return decision;
    Decision::Step step{.ii_cycles = *std::prev(here), .more = {}, .lacks = {}};
    const Chooser::Probe probe = chooser.probe(step.ii_cycles, false);
    step.fits = probe.usage.has_value();
    Usage more = probe.usage.value_or(probe.closest);
    for (std::size_t i = 0; i < kUsageKinds; ++i) more[i] -= used[i];
    step.more = resources_of(more);
    if (!step.fits) {
        step.lacks = probe.lacks;
        step.by = probe.by;
        if (!probe.lacks.empty()) decision.binding = probe.lacks;
    }
    decision.next = step;
    return decision;
}

// The cheapest of the plans for this rate and higher ones that has the latency: a layer that is
// done sooner also answers sooner.
Chosen with_latency(Chooser& chooser, const FoldOptions& options, std::int64_t target_ii,
                    double clock_mhz) {
    constexpr std::size_t kMostTries = 24;
    const auto limit =
        static_cast<std::int64_t>(std::floor(*options.most_latency_us * clock_mhz + 1e-9));
    std::vector<std::int64_t> rates = chooser.rates();
    std::erase_if(rates, [&](std::int64_t rate) { return rate > std::min(target_ii, limit); });
    const std::size_t stride = std::max<std::size_t>(1, rates.size() / kMostTries);
    std::optional<Chosen> best;
    std::optional<std::int64_t> shortest;
    for (std::size_t back = 0; back < rates.size(); back += stride) {
        const std::int64_t rate = rates[rates.size() - 1 - back];
        if (!chooser.probe(rate, true).usage && must_fit(options)) break;
        Chosen chosen = chooser.choose(rate);
        const StreamTiming timing = measure_streams(chosen.accelerator);
        if (timing.deadlocked || (must_fit(options) && !chosen.fits)) continue;
        shortest = std::min(shortest.value_or(timing.latency_cycles), timing.latency_cycles);
        if (timing.latency_cycles > limit) continue;
        if (!best || chosen.price < best->price) best = std::move(chosen);
        if (best->price * 2.0 < chosen.price) break;
    }
    if (best) return std::move(*best);
    const auto microseconds = [&](std::int64_t cycles) {
        return static_cast<double>(cycles) / clock_mhz;
    };
    throw Error(code::kTargetUnreachable, "latency",
                fmt::format("no folding was found that answers within {:g} us ({} at {:g} MHz)",
                            *options.most_latency_us, count(limit), clock_mhz),
                shortest ? fmt::format("the shortest latency found is {:.3g} us ({})",
                                       microseconds(*shortest), count(*shortest))
                         : "allow a longer latency, a larger board or less headroom");
}

Chosen chosen_for(Chooser& chooser, const FoldOptions& options, std::int64_t target_ii,
                  double clock_mhz) {
    if (options.most_latency_us) return with_latency(chooser, options, target_ii, clock_mhz);
    Chosen chosen = chooser.choose(target_ii);
    if (chosen.fits || !must_fit(options)) return chosen;
    const Chooser::Probe probe = chooser.probe(target_ii, false);
    if (!probe.usage) {
        throw_does_not_fit(chooser, options, target_ii, clock_mhz, probe.lacks, probe.by);
    }
    // It is the FIFOs that do not fit.
    const std::array<double, 4> used = as_array(chosen.accelerator.total());
    std::size_t worst = 0;
    for (std::size_t i = 0; i < kUsageKinds; ++i) {
        const auto share = [&](std::size_t k) { return used[k] / std::max(chooser.limits()[k], 1.0); };
        if (share(i) > share(worst)) worst = i;
    }
    throw_does_not_fit(chooser, options, target_ii, clock_mhz, std::string(kResourceNames[worst]),
                       used[worst] - chooser.limits()[worst]);
}

// The highest rate whose accelerator fits with its FIFOs, and has the latency.
Chosen fastest(Chooser& chooser, const FoldOptions& options, double clock_mhz,
               std::int64_t& target_ii) {
    const std::optional<std::int64_t> first =
        fastest_that_fits(chooser, chooser.space().fastest_ii);
    if (!first) {
        const std::vector<std::int64_t> rates = chooser.rates();
        const Chooser::Probe probe = chooser.probe(rates.back(), false);
        throw_does_not_fit(chooser, options, rates.back(), clock_mhz, probe.lacks, probe.by);
    }
    const std::vector<std::int64_t> rates = chooser.rates();
    for (auto rate = std::ranges::find(rates, *first); rate != rates.end(); ++rate) {
        target_ii = *rate;
        if (options.most_latency_us) return with_latency(chooser, options, target_ii, clock_mhz);
        Chosen chosen = chooser.choose(target_ii);
        if (chosen.fits) return chosen;
    }
    target_ii = *first;
    return chosen_for(chooser, options, target_ii, clock_mhz);
}

}  // namespace

Accelerator fold(const Network& given, const FoldOptions& options) {
    const double clock_mhz = checked_clock(options);
    const std::optional<std::int64_t> asked = checked_target(options, clock_mhz);
    check_limits(options);
    const Network network = constant_network(hardware_form(given), asked, options);
    Chooser chooser(network, options);
    std::int64_t target_ii = asked.value_or(0);
    if (asked && chooser.space().fastest_ii > target_ii)
        throw_unreachable(chooser.space(), target_ii, clock_mhz);
    Chosen chosen = asked ? chosen_for(chooser, options, target_ii, clock_mhz)
                          : fastest(chooser, options, clock_mhz, target_ii);
    Accelerator& accelerator = chosen.accelerator;
    const StreamTiming timing = measure_streams(accelerator);
    if (timing.deadlocked) {
        throw Error(code::kFoldingIllegal, options.folding ? options.folding->where : "streams",
                    "with these FIFO depths the accelerator stops for good: a stream waits for "
                    "another that waits for it",
                    "leave fifo_depths out, and the smallest depths that work are chosen");
    }
    accelerator.board = options.board;
    accelerator.clock_mhz = clock_mhz;
    accelerator.target_ii = target_ii;
    accelerator.ii_cycles = static_cast<std::int64_t>(std::ceil(timing.ii - 1e-6));
    accelerator.latency_cycles = timing.latency_cycles;
    accelerator.decision = decide(chooser, chosen);
    add_notes(accelerator);
    if (!chosen.plan.fifos_are_smallest) {
        accelerator.notes.push_back(
            "FIFO depths keep the rate but may not be the smallest: the search took too long");
    }
    return std::move(accelerator);
}

}  // namespace qloom::hw
