#include "hw/plain_streams.h"

#include <algorithm>

#include "hw/machines.h"

namespace qloom::hw {
namespace {

struct PortCounter {
    int channel = 0;
    std::int64_t beats = 1;  // a frame
    std::int64_t moved = 0;
};

}  // namespace

StreamRun run_plainly(const Accelerator& accelerator, const PlainRunOptions& options) {
    const std::int64_t frames = options.frames;
    Wires wires(accelerator.channels.size());
    std::vector<MachinePorts> ports(accelerator.units.size());
    std::vector<PortCounter> sources;
    std::vector<PortCounter> sinks;
    const auto attach = [](std::vector<int>& list, int port, int channel) {
        if (static_cast<int>(list.size()) <= port) list.resize(static_cast<std::size_t>(port) + 1);
        list[static_cast<std::size_t>(port)] = channel;
    };
    for (std::size_t i = 0; i < accelerator.channels.size(); ++i) {
        const Channel& channel = accelerator.channels[i];
        const int id = static_cast<int>(i);
        if (channel.from.unit == Endpoint::kTop) {
            sources.push_back({id, channel.beats, 0});
        } else {
            attach(ports[static_cast<std::size_t>(channel.from.unit)].outputs, channel.from.port,
                   id);
        }
        if (channel.to.unit != Endpoint::kTop) {
            attach(ports[static_cast<std::size_t>(channel.to.unit)].inputs, channel.to.port, id);
        } else {
            wires.ready.set(id, true);
            if (channel.to.port != Endpoint::kNowhere) sinks.push_back({id, channel.beats, 0});
        }
    }
    std::vector<MachinePtr> machines;
    std::int64_t longest_pause = 64;
    for (std::size_t i = 0; i < accelerator.units.size(); ++i) {
        machines.push_back(make_machine(accelerator.units[i], ports[i], false));
        longest_pause = std::max(longest_pause, accelerator.units[i].cycles + 64);
    }

    StreamRun result;
    result.first_accept = -1;
    std::int64_t idle = 0;
    for (std::int64_t cycle = 0; static_cast<std::int64_t>(result.frame_ends.size()) < frames;
         ++cycle) {
        if (options.most_cycles > 0 && cycle >= options.most_cycles) break;
        for (const PortCounter& source : sources)
            wires.valid.set(source.channel, source.moved < source.beats * frames);
        for (const MachinePtr& machine : machines) machine->publish(wires);
        for (const MachinePtr& machine : machines) {
            if (machine->is_join()) machine->settle(wires);
        }
        if (options.observe) options.observe(cycle, wires);
        bool moved = false;
        for (std::size_t i = 0; i < accelerator.channels.size(); ++i)
            moved = moved || wires.fires(static_cast<int>(i));
        for (PortCounter& source : sources) {
            if (!wires.fires(source.channel)) continue;
            ++source.moved;
            if (result.first_accept < 0) result.first_accept = cycle;
        }
        for (PortCounter& sink : sinks) sink.moved += wires.fires(sink.channel) ? 1 : 0;
        for (const MachinePtr& machine : machines) machine->step(wires);
        std::int64_t complete = frames;
        for (const PortCounter& sink : sinks)
            complete = std::min(complete, sink.moved / sink.beats);
        while (static_cast<std::int64_t>(result.frame_ends.size()) < complete)
            result.frame_ends.push_back(cycle);
        idle = moved ? 0 : idle + 1;
        if (idle > longest_pause) {
            result.deadlocked = true;
            break;
        }
    }
    for (const MachinePtr& machine : machines) result.fifo_peaks.push_back(machine->peak());
    return result;
}

}  // namespace qloom::hw
