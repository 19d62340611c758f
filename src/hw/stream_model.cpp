#include "hw/stream_model.h"

#include <algorithm>
#include <memory>

#include "base/diagnostic.h"
#include "hw/machines.h"

namespace qloom::hw {
namespace {

// The beats that have crossed one port of the accelerator.
struct PortCounter {
    int channel = 0;
    std::int64_t beats = 1;  // a frame
    std::int64_t moved = 0;
};

class Simulation {
public:
    Simulation(const Accelerator& accelerator, const StreamRunOptions& options)
        : frames_(options.frames) {
        std::vector<std::vector<int>> inputs(accelerator.units.size());
        std::vector<std::vector<int>> outputs(accelerator.units.size());
        const auto attach = [](std::vector<int>& ports, int port, int channel) {
            if (static_cast<int>(ports.size()) <= port)
                ports.resize(static_cast<std::size_t>(port) + 1, -1);
            ports[static_cast<std::size_t>(port)] = channel;
        };
        wires_.valid.resize(accelerator.channels.size());
        wires_.ready.resize(accelerator.channels.size());
        for (std::size_t i = 0; i < accelerator.channels.size(); ++i) {
            const Channel& channel = accelerator.channels[i];
            const int id = static_cast<int>(i);
            if (channel.from.unit == Endpoint::kTop) {
                sources_.push_back({id, channel.beats, 0});
            } else {
                attach(outputs[static_cast<std::size_t>(channel.from.unit)], channel.from.port, id);
            }
            if (channel.to.unit != Endpoint::kTop) {
                attach(inputs[static_cast<std::size_t>(channel.to.unit)], channel.to.port, id);
            } else {
                wires_.ready[i] = 1;  // results are taken at once, and so is what nobody reads
                if (channel.to.port != Endpoint::kNowhere) sinks_.push_back({id, channel.beats, 0});
            }
        }
        for (std::size_t i = 0; i < accelerator.units.size(); ++i) {
            machines_.push_back(make_machine(accelerator.units[i], {inputs[i], outputs[i]},
                                             options.unbounded_fifos));
            longest_pause_ = std::max(longest_pause_, accelerator.units[i].cycles + 64);
        }
    }

    StreamRun run() {
        StreamRun result;
        result.first_accept = -1;
        std::int64_t idle = 0;
        for (std::int64_t cycle = 0; static_cast<std::int64_t>(result.frame_ends.size()) < frames_;
             ++cycle) {
            for (const PortCounter& source : sources_) {
                wires_.valid[static_cast<std::size_t>(source.channel)] =
                    source.moved < source.beats * frames_ ? 1 : 0;
            }
            for (const auto& machine : machines_) machine->publish(wires_);
            for (const auto& machine : machines_) machine->settle(wires_);

            bool moved = false;
            for (std::size_t i = 0; i < wires_.valid.size(); ++i)
                moved = moved || (wires_.valid[i] & wires_.ready[i]);
            for (PortCounter& source : sources_) {
                if (!wires_.fires(source.channel)) continue;
                ++source.moved;
                if (result.first_accept < 0) result.first_accept = cycle;
            }
            for (PortCounter& sink : sinks_) {
                if (wires_.fires(sink.channel)) ++sink.moved;
            }
            for (const auto& machine : machines_) machine->step(wires_);

            while (static_cast<std::int64_t>(result.frame_ends.size()) < complete_frames()) {
                result.frame_ends.push_back(cycle);
            }
            idle = moved ? 0 : idle + 1;
            if (idle > longest_pause_) {
                result.deadlocked = true;
                break;
            }
        }
        for (const auto& machine : machines_) result.fifo_peaks.push_back(machine->peak());
        return result;
    }

private:
    [[nodiscard]] std::int64_t complete_frames() const {
        std::int64_t frames = frames_;
        for (const PortCounter& sink : sinks_) frames = std::min(frames, sink.moved / sink.beats);
        return frames;
    }

    std::int64_t frames_;
    std::int64_t longest_pause_ =
        64;  // a unit computes for as long as its cycles a frame without moving a beat
    std::vector<std::unique_ptr<Machine>> machines_;
    Wires wires_;
    std::vector<PortCounter> sources_;
    std::vector<PortCounter> sinks_;
};

}  // namespace

StreamRun run_streams(const Accelerator& accelerator, const StreamRunOptions& options) {
    return Simulation(accelerator, options).run();
}

StreamTiming measure_streams(const Accelerator& accelerator, bool unbounded_fifos) {
    // Every unit may hold two frames before the slowest one is felt at the front; the second half
    // is then steady.
    constexpr std::int64_t kMostSteps = 8'000'000;
    std::int64_t longest = 1;
    for (const Unit& unit : accelerator.units) longest = std::max(longest, unit.cycles);
    const auto units = static_cast<std::int64_t>(accelerator.units.size());
    const std::int64_t affordable = kMostSteps / (longest * units);
    const std::int64_t frames = std::clamp<std::int64_t>(affordable, 6, 4 * units + 16);
    const StreamRun run =
        run_streams(accelerator, {.frames = frames, .unbounded_fifos = unbounded_fifos});
    StreamTiming timing;
    timing.deadlocked = run.deadlocked;
    timing.fifo_peaks = run.fifo_peaks;
    if (run.deadlocked) return timing;
    timing.latency_cycles = run.frame_ends.front() - run.first_accept;
    const auto middle = run.frame_ends.size() / 2;
    timing.ii = static_cast<double>(run.frame_ends.back() - run.frame_ends[middle]) /
                static_cast<double>(run.frame_ends.size() - 1 - middle);
    return timing;
}

}  // namespace qloom::hw
