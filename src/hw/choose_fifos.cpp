#include <algorithm>
#include <cmath>
#include <string>

#include "hw/fold_choice.h"
#include "hw/stream_model.h"

namespace qloom::hw {
namespace {

using network::Network;

bool keeps(const Network& network, const Plan& plan, double ii) {
    const StreamTiming timing = measure_streams(assemble(network, plan));
    return !timing.deadlocked && timing.ii <= ii + 1e-9;
}

// Makes one FIFO as small as the rate allows; whether it became smaller.
bool shrink(const Network& network, Plan& plan, const std::string& name, double ii) {
    std::int64_t& depth = plan.fifo_depths[name];
    const std::int64_t before = depth;
    if (before == 0) return false;
    depth = 0;
    if (keeps(network, plan, ii)) return true;
    std::int64_t too_small = 1;
    std::int64_t enough = before;
    while (enough - too_small > 1) {
        depth = too_small + (enough - too_small) / 2;
        (keeps(network, plan, ii) ? enough : too_small) = depth;
    }
    depth = enough;
    return enough != before;
}

}  // namespace

void choose_fifos(const Network& network, Plan& plan) {
    plan.fifo_depths.clear();
    plan.every_fifo = false;
    const Accelerator bare = assemble(network, plan);
    std::int64_t slowest = 1;
    for (const Unit& unit : bare.units) slowest = std::max(slowest, unit.cycles);
    for (const Port& port : bare.inputs) slowest = std::max(slowest, port.beats);
    const StreamTiming timing = measure_streams(bare);
    if (!timing.deadlocked && timing.ii <= static_cast<double>(slowest) + 1e-9) return;

    // How full would they get, and what is the best rate?
    Plan measured = plan;
    measured.every_fifo = true;
    const Accelerator full = assemble(network, measured);
    const StreamTiming free_run = measure_streams(full, {.unbounded_fifos = true});
    if (free_run.deadlocked) return;  // no FIFO helps; the caller reports it
    struct Place {
        std::string name;
        std::int64_t bits;
        std::int64_t peak;
    };
    std::vector<Place> places;
    for (std::size_t i = 0; i < full.units.size(); ++i) {
        const Unit& unit = full.units[i];
        if (unit.module != Module::kFifo) continue;
        places.push_back({unit.name, unit.integer("DataW"),
                          std::max<std::int64_t>(2, free_run.fifo_peaks[i] + 1)});
        plan.fifo_depths[unit.name] = places.back().peak;
    }
    while (!keeps(network, plan, free_run.ii)) {
        for (Place& place : places) plan.fifo_depths[place.name] = place.peak *= 2;
        if (places.front().peak > (std::int64_t{1} << 40)) return;
    }
    // The most expensive first: each as small as it can be while the others stay. A FIFO that is
    // left out also takes its latency away, and others may shrink again: until nothing changes.
    std::ranges::stable_sort(places, std::ranges::greater{},
                             [](const Place& p) { return p.bits * p.peak; });
    for (bool changed = true; changed;) {
        changed = false;
        for (const Place& place : places)
            changed = shrink(network, plan, place.name, free_run.ii) || changed;
    }
    std::erase_if(plan.fifo_depths, [](const auto& entry) { return entry.second == 0; });
}

}  // namespace qloom::hw
