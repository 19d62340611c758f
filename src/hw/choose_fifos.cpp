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
    double cycles_a_beat = 1.0;  // at the pace, on average
    bool before_join = false;    // the unit that reads it has several inputs
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
        if (keeps(false)) return true;

        find_enough();
        if (places_.empty()) return true;  // no FIFO helps; the caller reports it
        // FIFOs that do not stand before a join are rarely needed: all of them are left out first.
        const auto joins = std::ranges::stable_partition(
            places_, [](const Place& place) { return !place.before_join; });
        const auto others = places_.size() - joins.size();
        drop_groups(0, others);
        drop_groups(others, places_.size());
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

    // Whether frames that enter at the pace leave at it. Notes how full the FIFOs got. `hasty`:
    // takes the first late frame for an answer, which at worst leaves a FIFO larger than it must
    // be.
    bool keeps(bool hasty = true) {
        store();
        const Accelerator accelerator = assemble(network_, plan_);
        const StreamTiming timing =
            measure_streams(accelerator, {.pace = pace_, .until_late = hasty});
        steps_ += timing.steps;
        loss_ = timing.first_loss;
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
            const Channel& output = output_of(full, static_cast<int>(i));
            places_.push_back({unit.name, unit.integer("DataW"),
                               std::max<std::int64_t>(2, timing.fifo_peaks[i] + 1),
                               static_cast<double>(pace_) /
                                   static_cast<double>(std::max<std::int64_t>(1, output.beats)),
                               is_before_join(full, output)});
        }
        // The most expensive first: they are tried first, while the others stay.
        std::ranges::stable_sort(places_, std::ranges::greater{},
                                 [](const Place& place) { return place.bits * place.depth; });
        while (!keeps(false)) {
            for (Place& place : places_) place.depth *= 2;
            if (places_.front().depth > (std::int64_t{1} << 40)) {
                places_.clear();
                return;
            }
        }
    }

    static const Channel& output_of(const Accelerator& accelerator, int unit) {
        return *std::ranges::find_if(accelerator.channels, [&](const Channel& channel) {
            return channel.from.unit == unit;
        });
    }

    static bool is_before_join(const Accelerator& accelerator, const Channel& stream) {
        const int reader = stream.to.unit;
        return reader != Endpoint::kTop &&
               std::ranges::count_if(accelerator.channels, [&](const Channel& channel) {
                   return channel.to.unit == reader;
               }) > 1;
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
        // Mostly the depth is right or nearly so: steps below it that double, until one is too
        // many.
        std::int64_t enough = before;
        std::int64_t too_small = 1;
        for (std::int64_t step = std::max<std::int64_t>(1, enough / 256); enough - step > 1;
             step *= 2) {
            place.depth = enough - step;
            if (!keeps()) {
                too_small = place.depth;
                break;
            }
            cut_unused();
            enough = place.depth;
        }
        // A beat for which there is no room costs what a beat takes: that tells the depth, and one
        // less is tried to be sure. Halving where it does not.
        constexpr int kMostGuesses = 6;
        bool was_guess = false;
        for (int guesses = 0; enough - too_small > 1;) {
            const std::int64_t middle = too_small + (enough - too_small) / 2;
            std::int64_t depth = was_guess ? enough - 1 : middle;
            const bool is_guess = !was_guess && loss_ > 0 && guesses < kMostGuesses;
            if (is_guess) {
                ++guesses;
                const double missing = static_cast<double>(loss_) / place.cycles_a_beat;
                depth = too_small + static_cast<std::int64_t>(std::ceil(missing - 1e-6));
                depth = std::clamp(depth, too_small + 1, enough - 1);
            }
            place.depth = depth;
            if (keeps()) {
                cut_unused();
                enough = place.depth;
                was_guess = is_guess;
            } else {
                too_small = place.depth;
                was_guess = false;
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
    std::int64_t loss_ =
        0;  // cycles the first late frame of the last run came too late; 0: none did
    std::int64_t steps_ = 0;
};

}  // namespace

bool choose_fifos(const Network& network, Plan& plan) { return FifoSearch(network, plan).run(); }

}  // namespace qloom::hw
