#include "hw/stream_model.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <queue>
#include <unordered_map>
#include <utility>

#include "base/diagnostic.h"
#include "hw/machines.h"

namespace qloom::hw {
namespace {

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

// The beats that have crossed one port of the accelerator.
struct PortCounter {
    int channel = 0;
    std::int64_t beats = 1;  // a frame
    std::int64_t moved = 0;
};

class Simulation {
public:
    Simulation(const Accelerator& accelerator, const StreamRunOptions& options)
        : options_(options),
          wires_(accelerator.channels.size()),
          makers_(accelerator.channels.size(), -1),
          readers_(accelerator.channels.size(), -1) {
        const std::size_t units = accelerator.units.size();
        std::vector<MachinePorts> ports(units);
        const auto attach = [](std::vector<int>& list, int port, int channel) {
            if (static_cast<int>(list.size()) <= port)
                list.resize(static_cast<std::size_t>(port) + 1, -1);
            list[static_cast<std::size_t>(port)] = channel;
        };
        for (std::size_t i = 0; i < accelerator.channels.size(); ++i) {
            const Channel& channel = accelerator.channels[i];
            const int id = static_cast<int>(i);
            if (channel.from.unit == Endpoint::kTop) {
                sources_.push_back({id, channel.beats, 0});
            } else {
                makers_[i] = channel.from.unit;
                attach(ports[static_cast<std::size_t>(channel.from.unit)].outputs,
                       channel.from.port, id);
            }
            if (channel.to.unit != Endpoint::kTop) {
                readers_[i] = channel.to.unit;
                attach(ports[static_cast<std::size_t>(channel.to.unit)].inputs, channel.to.port,
                       id);
            } else {
                wires_.ready.set(id, true);  // results are taken at once, and what nobody reads
                if (channel.to.port != Endpoint::kNowhere) sinks_.push_back({id, channel.beats, 0});
            }
        }
        longest_frame_ = options.pace + 64;
        for (std::size_t i = 0; i < units; ++i) {
            longest_frame_ += 2 * accelerator.units[i].cycles + 64;
            Part part;
            part.machine =
                make_machine(accelerator.units[i], std::move(ports[i]), options.unbounded_fifos);
            part.is_join = part.machine->is_join();
            parts_.push_back(std::move(part));
            changed_.push_back(static_cast<int>(i));
        }
    }

    StreamRun run() {
        result_.first_accept = -1;
        while (cycle_ != kNever && !is_finished()) {
            settle_wires();
            count_ports();
            step_machines();
            note_frames();
            if (result_.period != 0.0) break;
            cycle_ = next_cycle();
            // One part of the network may go on while another has stopped for good.
            const std::int64_t before = frames_done() == 0 ? 0 : result_.frame_ends.back();
            if (cycle_ != kNever && cycle_ - before > longest_frame_) cycle_ = kNever;
        }
        result_.deadlocked = cycle_ == kNever;
        for (const Part& part : parts_) result_.fifo_peaks.push_back(part.machine->peak());
        return std::move(result_);
    }

private:
    // A machine, and how far it is.
    struct Part {
        MachinePtr machine;
        std::int64_t next_edge = 0;  // the first clock edge that it has not seen
        std::int64_t due = 0;        // the cycle of its next step, if no wire changes before
        std::int64_t marked = -1;    // the last cycle in which it was marked awake
        bool is_join = false;
    };

    [[nodiscard]] bool is_finished() const {
        return frames_done() >= options_.frames ||
               (options_.most_steps != 0 && result_.steps >= options_.most_steps);
    }
    [[nodiscard]] std::int64_t frames_done() const {
        return static_cast<std::int64_t>(result_.frame_ends.size());
    }
    [[nodiscard]] std::int64_t complete_frames() const {
        std::int64_t frames = kNever;
        for (const PortCounter& sink : sinks_) frames = std::min(frames, sink.moved / sink.beats);
        return frames;
    }

    // Beats that a source may have sent by the end of this cycle.
    [[nodiscard]] std::int64_t released(const PortCounter& source) const {
        std::int64_t frames = options_.frames;
        if (options_.until_periodic) frames = kNever / source.beats;
        if (options_.pace != 0) frames = std::min(frames, cycle_ / options_.pace + 1);
        return frames * source.beats;
    }

    void mark(int unit) {
        if (unit < 0) return;
        Part& part = parts_[static_cast<std::size_t>(unit)];
        if (part.marked == cycle_) return;
        part.marked = cycle_;
        awake_.push_back(unit);
    }

    // Who is concerned by the wires that changed in this cycle.
    void mark_neighbours() {
        for (const int channel : wires_.valid.changed) {
            const int reader = readers_[static_cast<std::size_t>(channel)];
            mark(reader);
            if (reader >= 0 && parts_[static_cast<std::size_t>(reader)].is_join)
                joins_.push_back(reader);
        }
        wires_.valid.changed.clear();
        for (const int channel : wires_.ready.changed)
            mark(makers_[static_cast<std::size_t>(channel)]);
        wires_.ready.changed.clear();
    }

    // The wires of this cycle, and the machines that must see its clock edge.
    void settle_wires() {
        for (const PortCounter& source : sources_) {
            const bool has_beat = source.moved < released(source);
            starved_ = starved_ || !has_beat;
            wires_.valid.set(source.channel, has_beat);
        }
        for (const int unit : changed_) {
            const Part& part = parts_[static_cast<std::size_t>(unit)];
            if (part.due == cycle_) mark(unit);
            part.machine->publish(wires_);
            if (part.is_join) joins_.push_back(unit);
        }
        changed_.clear();
        while (!timers_.empty() && timers_.top().first <= cycle_) {
            const auto [time, unit] = timers_.top();
            timers_.pop();
            if (parts_[static_cast<std::size_t>(unit)].due == time) mark(unit);
        }
        mark_neighbours();
        for (const int join : joins_) {
            const Part& part = parts_[static_cast<std::size_t>(join)];
            part.machine->publish(wires_);
            part.machine->settle(wires_);
        }
        joins_.clear();
        mark_neighbours();
        joins_.clear();
    }

    void count_ports() {
        for (PortCounter& source : sources_) {
            if (!wires_.fires(source.channel)) continue;
            ++source.moved;
            if (result_.first_accept < 0) result_.first_accept = cycle_;
        }
        for (PortCounter& sink : sinks_) {
            if (wires_.fires(sink.channel)) ++sink.moved;
        }
    }

    void step_machines() {
        for (const int unit : awake_) {
            Part& part = parts_[static_cast<std::size_t>(unit)];
            catch_up(part, cycle_);
            const std::int64_t wait = part.machine->step(wires_);
            part.next_edge = cycle_ + 1;
            const bool waits = wait < Machine::kRests;
            part.due = waits ? cycle_ + wait : kNever;
            if (wait != Machine::kAsleep) changed_.push_back(unit);
            if (waits && wait > 1) timers_.emplace(cycle_ + wait, unit);
        }
        result_.steps += static_cast<std::int64_t>(awake_.size());
        awake_.clear();
    }

    // Gives a machine the clock edges before `cycle` that it was left alone for.
    static void catch_up(Part& part, std::int64_t cycle) {
        if (part.due != kNever && part.next_edge < cycle)
            part.machine->advance(cycle - part.next_edge);
        part.next_edge = cycle;
    }

    void note_frames() {
        const std::int64_t complete = std::min(complete_frames(), options_.frames);
        if (frames_done() >= complete) return;
        while (frames_done() < complete) result_.frame_ends.push_back(cycle_);
        if (!options_.until_periodic) return;
        look_for_period();
        if (result_.period == 0.0 && options_.until_late) look_for_late_frame();
        if (result_.period == 0.0) look_for_growing_lag();
    }

    void look_for_late_frame() {
        const auto& ends = result_.frame_ends;
        if (ends.size() < 2) return;
        result_.first_loss = ends[ends.size() - 1] - ends[ends.size() - 2] - options_.pace;
        if (result_.first_loss > 0)
            result_.period = static_cast<double>(options_.pace + result_.first_loss);
    }

    // Frames that come later and later after their release, by a pattern that repeats itself,
    // cannot keep the pace; until the backlog reaches the source would be long to wait for. A stall
    // that goes round a loop of several frames' tokens delays one frame in so many, by the same
    // each time.
    void look_for_growing_lag() {
        constexpr std::size_t kLongest = 16;  // frames of a pattern
        const auto& ends = result_.frame_ends;
        if (options_.pace == 0 || ends.size() < 5) return;
        const std::size_t frames = ends.size() - 1;
        const auto late = [&](std::size_t back) {
            return ends[frames - back] - ends[frames - back - 1] - options_.pace;
        };
        if (late(0) <= 0) return;  // a pattern ends with a loss
        for (std::size_t length = 1; length <= kLongest; ++length) {
            // Four losses one after the other, or a longer pattern twice.
            const std::size_t needed = std::max<std::size_t>(2 * length, 4);
            if (frames < needed) return;
            bool repeats = true;
            std::int64_t lost = 0;
            for (std::size_t back = 0; back < needed; ++back) {
                repeats = repeats && late(back) >= 0 && late(back) == late(back % length);
                lost += back < length ? late(back) : 0;
            }
            if (repeats) {
                result_.period = static_cast<double>(options_.pace) +
                                 static_cast<double>(lost) / static_cast<double>(length);
                return;
            }
        }
    }

    // The state now, but for how far the sources lag behind their pace.
    [[nodiscard]] std::uint64_t state() {
        StateHash hash;
        for (Part& part : parts_) {
            catch_up(part, cycle_ + 1);
            part.machine->state(hash);
        }
        // Without a pace it does not matter how many frames one port is ahead of another, and parts
        // of a network that do not meet drift apart.
        for (const std::vector<PortCounter>* ports : {&sources_, &sinks_}) {
            for (const PortCounter& port : *ports) {
                hash.add(options_.pace == 0 ? port.moved % port.beats
                                            : port.moved - frames_done() * port.beats);
            }
        }
        return hash.value();
    }

    void look_for_period() {
        // With a pace, the release of frames belongs to the state while it is waited for.
        Visit now{cycle_, cycle_ - frames_done() * options_.pace, {}};
        for (const PortCounter& sink : sinks_) now.moved.push_back(sink.moved);
        if (starved_) visits_since_starved_.clear();
        starved_ = false;
        const std::uint64_t hash = state();
        const auto found = visits_.find(hash);
        if (found != visits_.end() && options_.pace != 0 && found->second.phase == now.phase) {
            result_.period = static_cast<double>(options_.pace);
            return;
        }
        const auto saturated = visits_since_starved_.find(hash);
        if (saturated != visits_since_starved_.end()) {
            const Visit& before = saturated->second;
            // Parts of the network that do not meet have a pace each; in the end the slowest
            // counts, also where it was ahead so far.
            std::int64_t frames = kNever;
            for (std::size_t i = 0; i < sinks_.size(); ++i)
                frames = std::min(frames, (sinks_[i].moved - before.moved[i]) / sinks_[i].beats);
            result_.period = static_cast<double>(now.cycle - before.cycle) /
                             static_cast<double>(std::max<std::int64_t>(frames, 1));
            return;
        }
        visits_[hash] = now;
        visits_since_starved_[hash] = now;
    }

    // The next cycle in which anything can change; ports go on as they are until then.
    std::int64_t next_cycle() {
        if (!changed_.empty()) return cycle_ + 1;
        std::int64_t next = timers_.empty() ? kNever : timers_.top().first;
        for (const PortCounter& source : sources_) {
            const std::int64_t left = released(source) - source.moved;
            if (left > 0 && wires_.ready[static_cast<std::size_t>(source.channel)] != 0)
                next = std::min(next, cycle_ + left);
            // Its valid falls in the next cycle.
            if (left == 0 && wires_.valid[static_cast<std::size_t>(source.channel)] != 0)
                next = cycle_ + 1;
            if (left == 0 && options_.pace != 0)
                next = std::min(next, (cycle_ / options_.pace + 1) * options_.pace);
        }
        for (const PortCounter& sink : sinks_) {
            if (wires_.fires(sink.channel))
                next = std::min(next, cycle_ + sink.beats - sink.moved % sink.beats);
        }
        if (next == kNever) return kNever;
        next = std::max(next, cycle_ + 1);
        const std::int64_t skipped = next - cycle_ - 1;
        for (PortCounter& source : sources_) {
            if (wires_.fires(source.channel)) source.moved += skipped;
        }
        for (PortCounter& sink : sinks_) {
            if (wires_.fires(sink.channel)) sink.moved += skipped;
        }
        return next;
    }

    // A state that was seen: at that cycle, so late behind the pace, after so many beats of the
    // sinks.
    struct Visit {
        std::int64_t cycle;
        std::int64_t phase;
        std::vector<std::int64_t> moved;
    };
    using Timer = std::pair<std::int64_t, int>;  // cycle, unit

    StreamRunOptions options_;
    StreamRun result_;
    std::int64_t cycle_ = 0;
    Wires wires_;
    std::vector<int> makers_;  // unit of each channel's ends, -1 outside
    std::vector<int> readers_;
    std::vector<Part> parts_;   // one a unit
    std::vector<int> awake_;    // to be stepped in this cycle
    std::vector<int> changed_;  // to be published in the next
    std::vector<int> joins_;
    std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
    std::vector<PortCounter> sources_;
    std::vector<PortCounter> sinks_;
    std::int64_t longest_frame_ = 0;  // more cycles than any frame can take after another
    bool starved_ = false;            // a source had to wait for its pace since the last frame
    std::unordered_map<std::uint64_t, Visit> visits_;
    std::unordered_map<std::uint64_t, Visit> visits_since_starved_;
};

}  // namespace

StreamRun run_streams(const Accelerator& accelerator, const StreamRunOptions& options) {
    return Simulation(accelerator, options).run();
}

StreamTiming measure_streams(const Accelerator& accelerator, const MeasureOptions& options) {
    // Where nothing repeats itself within this, the second half of the run is taken as steady.
    constexpr std::int64_t kMostSteps = 60'000'000;
    constexpr std::int64_t kMostFrames = 400;
    StreamRun run = run_streams(accelerator, {.frames = kMostFrames,
                                              .unbounded_fifos = options.unbounded_fifos,
                                              .pace = options.pace,
                                              .until_periodic = true,
                                              .most_steps = kMostSteps,
                                              .until_late = options.until_late});
    // The budget may end before two frames do: then they are waited for.
    if (!run.deadlocked && run.frame_ends.size() < 3 && run.period == 0.0) {
        run = run_streams(accelerator, {.frames = 3,
                                        .unbounded_fifos = options.unbounded_fifos,
                                        .pace = options.pace,
                                        .until_periodic = true});
    }
    StreamTiming timing;
    timing.deadlocked = run.deadlocked;
    timing.fifo_peaks = run.fifo_peaks;
    timing.steps = run.steps;
    timing.first_loss = run.first_loss;
    timing.frames = static_cast<std::int64_t>(run.frame_ends.size());
    if (run.deadlocked) return timing;
    timing.latency_cycles = run.frame_ends.front() - run.first_accept;
    timing.ii = run.period;
    if (run.period == 0.0) {
        const auto middle = run.frame_ends.size() / 2;
        timing.ii = static_cast<double>(run.frame_ends.back() - run.frame_ends[middle]) /
                    static_cast<double>(run.frame_ends.size() - 1 - middle);
    }
    return timing;
}

}  // namespace qloom::hw
