#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "hw/fold_choice.h"
#include "hw/stream_model.h"

namespace qloom::hw {
namespace {

using network::Network;

// Machine steps of the stream model that the search may take: it ends there whatever the network,
// with depths that keep the rate but need not be the smallest.
constexpr std::int64_t kMostSteps = 1'500'000'000;

// A place where a FIFO may stand.
struct Place {
    std::string name;
    std::int64_t bits = 1;
    std::int64_t depth = 0;
};

// Where the depth that is just enough must be: what a frame loses falls linearly with the depth,
// most of the way.
class LossLine {
public:
    void add(std::int64_t depth, double ii) {
        if (ii == 0.0) return;
        before_ = last_;
        last_ = {depth, ii};
    }
    // A depth between the two.
    [[nodiscard]] std::int64_t guess(std::int64_t too_small, std::int64_t enough,
                                     std::int64_t pace) {
        const std::int64_t middle = too_small + (enough - too_small) / 2;
        const double slope =
            (before_.ii - last_.ii) / static_cast<double>(last_.depth - before_.depth);
        if (before_.ii == 0.0 || !(slope > 0.0) || ++guesses_ > kMostGuesses) return middle;
        const double missing = (last_.ii - static_cast<double>(pace)) / slope;
        if (!(missing < static_cast<double>(enough))) return middle;
        const std::int64_t depth =
            last_.depth + static_cast<std::int64_t>(std::ceil(missing - 1e-6));
        return std::clamp(depth, too_small + 1, enough - 1);
    }

private:
    static constexpr int kMostGuesses = 6;  // then halving alone
    struct Loss {
        std::int64_t depth = 0;
        double ii = 0.0;
    };
    Loss before_;
    Loss last_;
    int guesses_ = 0;
};

class FifoSearch {
public:
    FifoSearch(const Network& network, Plan& plan) : network_(network), plan_(plan) {}

    bool run() {
        plan_.fifo_depths.clear();
        plan_.every_fifo = false;
        const Accelerator bare = assemble(network_, plan_);
        std::int64_t slowest = 1;
        for (const Unit& unit : bare.units) slowest = std::max(slowest, unit.cycles);
        for (const Port& port : bare.inputs) slowest = std::max(slowest, port.beats);
        pace_ = slowest;
        if (keeps()) return true;

        find_enough();
        if (places_.empty()) return true;  // no FIFO helps; the caller reports it
        drop_groups(0, places_.size());
        std::erase_if(places_, [](const Place& place) { return place.depth == 0; });
        refill();
        // What is too small stays so while others shrink. But a FIFO that is left out also takes
        // its latency away, and then others may shrink again.
        for (bool again = true; again && affordable();) {
            again = false;
            for (Place& place : places_) again = shrink(place) || again;
        }
        store();
        return affordable();
    }

private:
    [[nodiscard]] bool affordable() const { return steps_ < kMostSteps; }

    void store() {
        plan_.fifo_depths.clear();
        for (const Place& place : places_) {
            if (place.depth != 0) plan_.fifo_depths[place.name] = place.depth;
        }
    }

    // Whether frames that enter at the pace leave at it. Notes how full the FIFOs got.
    bool keeps() {
        store();
        const Accelerator accelerator = assemble(network_, plan_);
        const StreamTiming timing = measure_streams(accelerator, {.pace = pace_});
        steps_ += timing.steps;
        ii_ = timing.deadlocked ? 0.0 : timing.ii;
        peaks_.clear();
        for (std::size_t i = 0; i < accelerator.units.size(); ++i) {
            if (accelerator.units[i].module == Module::kFifo)
                peaks_[accelerator.units[i].name] = timing.fifo_peaks[i];
        }
        return !timing.deadlocked && timing.ii <= static_cast<double>(pace_) + 1e-9;
    }

    // Depths that keep the pace, from how full unbounded FIFOs get at it. Where the slowest unit
    // does not give the pace, the pace is what unbounded FIFOs reach.
    void find_enough() {
        Plan everywhere = plan_;
        everywhere.fifo_depths.clear();
        everywhere.every_fifo = true;
        const Accelerator full = assemble(network_, everywhere);
        StreamTiming timing = measure_streams(full, {.unbounded_fifos = true, .pace = pace_});
        steps_ += timing.steps;
        if (timing.deadlocked) return;
        if (timing.ii > static_cast<double>(pace_)) {
            pace_ = static_cast<std::int64_t>(std::ceil(timing.ii - 1e-6));
            timing = measure_streams(full, {.unbounded_fifos = true, .pace = pace_});
        }
        for (std::size_t i = 0; i < full.units.size(); ++i) {
            const Unit& unit = full.units[i];
            if (unit.module != Module::kFifo) continue;
            places_.push_back({unit.name, unit.integer("DataW"),
                               std::max<std::int64_t>(2, timing.fifo_peaks[i] + 1)});
        }
        // The most expensive first: they are tried first, while the others stay.
        std::ranges::stable_sort(places_, std::ranges::greater{},
                                 [](const Place& place) { return place.bits * place.depth; });
        while (!keeps()) {
            for (Place& place : places_) place.depth *= 2;
            if (places_.front().depth > (std::int64_t{1} << 40)) {
                places_.clear();
                return;
            }
        }
    }

    // Leaves out every FIFO of [begin, end) that can be: all at once where that works, else half by
    // half.
    void drop_groups(std::size_t begin, std::size_t end) {
        if (begin == end || !affordable()) return;
        std::vector<std::int64_t> before;
        for (std::size_t i = begin; i < end; ++i) {
            before.push_back(places_[i].depth);
            places_[i].depth = 0;
        }
        // All of them together were tried before anything else.
        const bool is_all = begin == 0 && end == places_.size();
        if (!is_all && keeps()) return;
        for (std::size_t i = begin; i < end; ++i) places_[i].depth = before[i - begin];
        if (end - begin == 1) return;
        const std::size_t middle = begin + (end - begin) / 2;
        drop_groups(begin, middle);
        drop_groups(middle, end);
    }

    // How full the remaining ones get, now that they stand alone.
    void refill() {
        store();
        const Accelerator rest = assemble(network_, plan_);
        const StreamTiming timing = measure_streams(rest, {.unbounded_fifos = true, .pace = pace_});
        steps_ += timing.steps;
        std::vector<Place> fuller = places_;
        for (std::size_t i = 0; i < rest.units.size(); ++i) {
            const auto place = std::ranges::find(places_, rest.units[i].name, &Place::name);
            if (place == places_.end()) continue;
            place->depth =
                std::min(place->depth, std::max<std::int64_t>(2, timing.fifo_peaks[i] + 1));
        }
        if (!keeps()) places_ = std::move(fuller);
    }

    // After keeps(): a FIFO that never was full is as good without the room that it did not need.
    void cut_unused() {
        for (Place& place : places_) {
            if (place.depth > 2)
                place.depth =
                    std::min(place.depth, std::max<std::int64_t>(2, peaks_.at(place.name) + 1));
        }
    }

    // Makes one FIFO as small as the rate allows; whether it is left out.
    bool shrink(Place& place) {
        const std::int64_t before = place.depth;
        if (before == 0 || !affordable()) return false;
        place.depth = 0;
        if (keeps()) return true;
        // Mostly the depth is right or nearly so: steps below it that double, then halving.
        std::int64_t enough = before;
        std::int64_t too_small = 1;
        for (std::int64_t step = 1; enough - step > 1; step *= 2) {
            place.depth = enough - step;
            if (!keeps()) {
                too_small = place.depth;
                break;
            }
            cut_unused();
            enough = place.depth;
        }
        LossLine line;
        while (enough - too_small > 1) {
            place.depth = line.guess(too_small, enough, pace_);
            if (keeps()) {
                cut_unused();
                enough = place.depth;
            } else {
                too_small = place.depth;
                line.add(too_small, ii_);
            }
        }
        place.depth = enough;
        return false;
    }

    const Network& network_;
    Plan& plan_;
    std::int64_t pace_ = 1;
    std::vector<Place> places_;
    std::map<std::string, std::int64_t> peaks_;  // by name, of the last run
    double ii_ = 0.0;                            // of the last run; 0 where it stopped for good
    std::int64_t steps_ = 0;
};

}  // namespace

bool choose_fifos(const Network& network, Plan& plan) { return FifoSearch(network, plan).run(); }

}  // namespace qloom::hw
