#include "hw/chooser.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "base/codes/hw.h"
#include "base/diagnostic.h"
#include "hw/fold_choice.h"
#include "hw/fold_latency.h"

namespace qloom::hw {
namespace {

using network::Network;

constexpr double kTolerance = 1e-6;
// Machine steps of the stream model for the latency, and for trying the FIFOs of other foldings.
constexpr std::int64_t kLatencySteps = 150'000;
constexpr std::int64_t kAskedLatencySteps = 6'000'000;
constexpr std::int64_t kFifoSteps = 600'000;

void check_fifo_names(const Network& network, const Plan& plan, const FoldingFile& file) {
    Plan everywhere = plan;
    everywhere.every_fifo = true;
    everywhere.fifo_depths.clear();
    std::vector<std::string> names;
    for (const Unit& unit : assemble(network, everywhere).units) {
        if (unit.module == Module::kFifo) names.push_back(unit.name);
    }
    for (const auto& [name, depth] : *file.fifo_depths) {
        if (std::ranges::find(names, name) == names.end()) {
            throw Error(code::kFoldingUnknownLayer, file.where,
                        fmt::format("there is no place for a FIFO {}", name),
                        fmt::format("places: {}", fmt::join(names, ", ")));
        }
        if (depth == 1) {
            throw Error(code::kFoldingIllegal, "FIFO " + name, "a depth of 1 does not exist",
                        "legal: 0 (none), 2 and more");
        }
    }
}

// What may be used of a board.
Usage limits_of(const FoldOptions& options) {
    Usage limits = kNoLimit;
    const Board& board = options.board;
    const double share = 1.0 - options.headroom.value_or(options.max_rate ? 0.2 : 0.0);
    if (board.luts > 0 && board.has_estimates()) {
        const std::array<std::int64_t, kUsageKinds> has{board.luts, board.ffs, board.bram36,
                                                        board.dsps};
        for (std::size_t i = 0; i < kUsageKinds; ++i)
            limits[i] = share * static_cast<double>(has[i]);
    }
    if (options.most_luts) limits[0] = std::min(limits[0], static_cast<double>(*options.most_luts));
    if (options.most_dsps) limits[3] = std::min(limits[3], static_cast<double>(*options.most_dsps));
    return limits;
}

}  // namespace

void add_fifos(const Network& network, const FoldOptions& options, Plan& plan) {
    if (options.folding && options.folding->fifo_depths) {
        check_fifo_names(network, plan, *options.folding);
        plan.fifo_depths = *options.folding->fifo_depths;
    } else {
        plan.fifos_are_smallest = choose_fifos(network, plan);
    }
}

Chooser::Chooser(const Network& network, const FoldOptions& options)
    : network_(network),
      options_(options),
      prices_(scarcity_prices(options.board)),
      weights_(weights_of(prices_)),
      limits_(limits_of(options)),
      base_(fold_space(network, options, prices_)) {}

const FoldSpace& Chooser::wide() {
    if (!wide_) wide_ = fold_space(network_, options_, prices_, price_ladder(prices_));
    return *wide_;
}

bool Chooser::keeps(const Usage& usage) const {
    for (std::size_t i = 0; i < kUsageKinds; ++i) {
        if (usage[i] > limits_[i] + kTolerance) return false;
    }
    return true;
}

std::vector<std::int64_t> Chooser::rates() const {
    std::set<std::int64_t> rates;
    for (const LayerSpace& layer : base_.layers) {
        for (const Choice& choice : layer.choices) rates.insert(choice.cycles);
    }
    for (const auto* ports : {&network_.inputs, &network_.outputs}) {
        for (const network::StreamId id : *ports) {
            for (const std::int64_t beats : divisors(network_.stream(id).elements()))
                rates.insert(beats);
        }
    }
    rates.insert(base_.fastest_ii);
    return {rates.lower_bound(base_.fastest_ii), rates.end()};
}

std::int64_t Chooser::latency_limit() const {
    if (!options_.most_latency_us) return 0;
    const double clock =
        options_.clock_mhz == 0.0 ? options_.board.clock_mhz : options_.clock_mhz;
    return std::max<std::int64_t>(
        1, static_cast<std::int64_t>(std::floor(*options_.most_latency_us * clock + 1e-9)));
}

Chooser::Probe Chooser::probe(std::int64_t target_ii, bool any) {
    Probe result;
    const auto with_constant = [](Usage usage, const Usage& constant) {
        for (std::size_t i = 0; i < kUsageKinds; ++i) usage[i] += constant[i];
        return usage;
    };
    {
        const FoldProblem base(network_, base_, target_ii, options_);
        const std::optional<Assignment> cheapest = base.problem().cheapest(weights_);
        if (cheapest && base.problem().is_exact()) {
            const Usage usage = with_constant(cheapest->usage, base.constant());
            if (keeps(usage)) {
                result.usage = usage;
                return result;
            }
        }
    }
    const FoldProblem full(network_, wide(), target_ii, options_);
    Usage budgets = limits_;
    for (std::size_t i = 0; i < kUsageKinds; ++i) budgets[i] -= full.constant()[i];
    const SearchResult found =
        full.problem().search({.weights = weights_, .budgets = budgets, .any = any});
    if (found.best) {
        result.usage = with_constant(found.best->usage, full.constant());
        return result;
    }
    // A resource that is short whatever the others are, or the one that the nearest plan lacks most.
    double worst = 0.0;
    for (const bool alone : {true, false}) {
        for (std::size_t i = 0; i < kUsageKinds && (alone || result.lacks.empty()); ++i) {
            if (!std::isfinite(limits_[i])) continue;
            Usage usage = {};
            if (alone) {
                Usage one = {};
                one[i] = 1.0;
                usage = full.problem().cheapest(one)->usage;
            } else if (found.closest) {
                usage = found.closest->usage;
            }
            const double by = usage[i] - budgets[i];
            const double share = by / std::max(limits_[i], 1.0);
            if (by <= kTolerance || share <= worst) continue;
            worst = share;
            result.lacks = kResourceNames[i];
            result.by = by;
        }
    }
    if (found.closest) result.closest = with_constant(found.closest->usage, full.constant());
    return result;
}

Chosen Chooser::finish(const FoldProblem& problem, const Assignment& assignment) {
    Chosen chosen;
    chosen.plan = problem.plan(assignment);
    add_fifos(network_, options_, chosen.plan);
    chosen.accelerator = assemble(network_, chosen.plan);
    const Usage usage = usage_of(chosen.accelerator.total());
    chosen.price = dot(weights_, usage);
    chosen.fits = keeps(usage);
    return chosen;
}

Chosen Chooser::choose(std::int64_t target_ii) {
    std::optional<FoldProblem> problem(std::in_place, network_, base_, target_ii, options_);
    std::optional<Assignment> best = problem->problem().cheapest(weights_);
    const auto budgets = [&] {
        Usage left = limits_;
        for (std::size_t i = 0; i < kUsageKinds; ++i) left[i] -= problem->constant()[i];
        return left;
    };
    const auto fits = [&](const Usage& usage) {
        for (std::size_t i = 0; i < kUsageKinds; ++i) {
            if (usage[i] > budgets()[i] + kTolerance) return false;
        }
        return true;
    };
    const double constant = dot(weights_, problem->constant());
    double bound = best ? dot(weights_, best->usage) + constant : 0.0;
    if (!best || !problem->problem().is_exact() || !fits(best->usage)) {
        problem.emplace(network_, wide(), target_ii, options_);
        const SearchResult found =
            problem->problem().search({.weights = weights_, .budgets = budgets()});
        bound = found.lower_bound + constant;
        best = found.best ? found.best : found.closest;
        QLOOM_ASSERT(best.has_value(), "every layer has a folding that meets the target");
    }

    // A shorter latency at nearly the same price; the FIFOs are that plan's.
    const double most = std::max(dot(weights_, best->usage), bound - constant);
    const std::int64_t asked = latency_limit();
    LatencyOptions latency{.weights = weights_,
                           .budgets = fits(best->usage) ? budgets() : kNoLimit,
                           .most_price = most * (1.0 + options_.slack),
                           .most_cycles = asked,
                           .most_steps = asked != 0 ? kAskedLatencySteps : kLatencySteps};
    if (asked != 0) latency.most_price = most * 4.0;
    std::optional<Chosen> chosen;
    if (options_.slack > 0.0 || asked != 0) {
        const LatencyResult shorter = shorten_latency(network_, *problem, *best, latency);
        Chosen candidate = finish(*problem, shorter.assignment);
        candidate.latency_cycles = shorter.cycles;
        const bool is_cheap = candidate.price <= bound * (1.0 + options_.slack) + kTolerance;
        if (asked != 0 || (is_cheap && (candidate.fits || !fits(best->usage))))
            chosen = std::move(candidate);
    }
    if (!chosen) {
        // The cheapest with its FIFOs: plans in the order of their price without, until one with
        // FIFOs is cheaper than the next without.
        std::int64_t longest = 1;
        const Accelerator bare = assemble(network_, problem->plan(*best));
        for (const Unit& unit : bare.units) longest = std::max(longest, unit.cycles);
        const auto units = static_cast<std::int64_t>(bare.units.size());
        const bool tries = fits(best->usage);
        std::optional<Chosen> other;  // that does not keep the limits with its FIFOs
        const auto surcharge = [&](const Assignment& assignment) -> std::optional<double> {
            Chosen candidate = finish(*problem, assignment);
            if (!candidate.fits) {
                if (!other || candidate.price < other->price) other = std::move(candidate);
                return std::nullopt;
            }
            const double more = candidate.price - constant - dot(weights_, assignment.usage);
            if (!chosen || candidate.price < chosen->price) chosen = std::move(candidate);
            return std::max(more, 0.0);
        };
        if (tries) {
            const SearchResult found = problem->problem().search(
                {.weights = weights_,
                 .budgets = budgets(),
                 .surcharge = surcharge,
                 .most_surcharges =
                     std::clamp<std::int64_t>(kFifoSteps / (longest * units), 1, 200)});
            bound = std::max(bound, found.lower_bound + constant);
        }
        if (!chosen) chosen = other ? std::move(*other) : finish(*problem, *best);
    }
    chosen->lower_bound = std::min(bound, chosen->price);
    return std::move(*chosen);
}

}  // namespace qloom::hw
