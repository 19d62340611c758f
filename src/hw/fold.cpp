#include "hw/fold.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/codes/hw.h"
#include "base/diagnostic.h"
#include "hw/assemble.h"
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

std::int64_t checked_target(const FoldOptions& options, double clock_mhz) {
    constexpr const char* kAdvice = "give one target above zero, in frames/s or in cycles a frame";
    if (options.target_ii.has_value() == options.target_fps.has_value()) {
        throw Error(
            code::kTargetBad, "target",
            options.target_ii ? "both frames/s and cycles a frame are given" : "there is none",
            kAdvice);
    }
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

// FIFO depths of a plan whose foldings are chosen.
void add_fifos(const Network& network, const FoldOptions& options, Plan& plan) {
    if (options.folding && options.folding->fifo_depths) {
        check_fifo_names(network, plan, *options.folding);
        plan.fifo_depths = *options.folding->fifo_depths;
    } else {
        plan.fifos_are_smallest = choose_fifos(network, plan);
    }
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

void check_constant_names(const Network& network, const FoldingFile& file) {
    for (const auto& [name, constant] : file.constant) {
        const auto layer = std::ranges::find(network.layers, name, &network::Layer::name);
        if (layer != network.layers.end() &&
            std::holds_alternative<network::MatrixVector>(layer->kind))
            continue;
        std::vector<std::string> names;
        for (const network::Layer& other : network.layers) {
            if (std::holds_alternative<network::MatrixVector>(other.kind))
                names.push_back(other.name);
        }
        if (layer == network.layers.end()) {
            throw Error(code::kFoldingUnknownLayer, file.where,
                        fmt::format("the network has no layer {}", name),
                        fmt::format("its layers of weights: {}", fmt::join(names, ", ")));
        }
        throw Error(code::kFoldingFileBad, file.where,
                    fmt::format("layer {} is a {}, which has no constant form", name,
                                network::kind_name(layer->kind)),
                    fmt::format("layers that have one: {}", fmt::join(names, ", ")));
    }
}

// Layers whose weights become logic, by price and by the folding file.
Network constant_network(const Network& network, std::int64_t target_ii,
                         const FoldOptions& options) {
    ConstantChoice choice{.target_ii = target_ii};
    if (options.folding) {
        check_constant_names(network, *options.folding);
        choice.wanted = options.folding->constant;
        choice.pinned = options.folding->layers;
    }
    return with_constant_matrices(network, choice);
}

}  // namespace

Accelerator fold(const Network& given, const FoldOptions& options) {
    const double clock_mhz = checked_clock(options);
    const std::int64_t target_ii = checked_target(options, clock_mhz);
    const Network network = constant_network(hardware_form(given), target_ii, options);

    // Memories go to block RAM while it is cheap; where the board runs out of it, its price rises.
    Prices prices;
    prices.has_lut_ram = options.board.has_estimates();
    Accelerator accelerator;
    Plan plan;
    const auto fits = [&] {
        accelerator = assemble(network, plan);
        return options.board.luts == 0 || !options.board.has_estimates() ||
               accelerator.total().bram36 <= static_cast<double>(options.board.bram36);
    };
    constexpr int kAttempts = 6;
    for (int attempt = 1; attempt <= kAttempts; ++attempt, prices.bram36 *= 3.0) {
        plan = Plan{.prices = prices};
        choose_foldings(network, feasible_foldings(network, target_ii, options, clock_mhz, prices),
                        target_ii, options, plan);
        if (!fits() && attempt < kAttempts) continue;
        add_fifos(network, options, plan);
        if (fits()) break;
    }
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
    add_notes(accelerator);
    if (!plan.fifos_are_smallest) {
        accelerator.notes.push_back(
            "FIFO depths keep the rate but may not be the smallest: the search took too long");
    }
    return accelerator;
}

}  // namespace qloom::hw
