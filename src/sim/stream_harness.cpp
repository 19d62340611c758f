#include "sim/stream_harness.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/codes/sim.h"
#include "base/diagnostic.h"

namespace qloom::sim {
namespace {

std::size_t words_of_bits(int bits) { return (static_cast<std::size_t>(bits) + 31) / 32; }

// xorshift64*: the simulation must not wait for its random numbers.
class FastRandom {
public:
    explicit FastRandom(std::uint64_t seed)
        : state_(seed * 0x9e3779b97f4a7c15U + 0x2545f4914f6cdd1dU) {}
    bool chance(int percent) {
        if (percent <= 0) {
            return false;
        }
        state_ ^= state_ >> 12U;
        state_ ^= state_ << 25U;
        state_ ^= state_ >> 27U;
        return ((state_ * 0x2545f4914f6cdd1dU) >> 32U) % 100 < static_cast<std::uint64_t>(percent);
    }

private:
    std::uint64_t state_;
};

// The ports of one stream, whole or one way of several.
struct Lane {
    Lane(const VerilatedModel& model, const StreamName& name)
        : data(&model.port(name.prefix + "_tdata")),
          valid(&model.port(name.prefix + "_tvalid")),
          ready(&model.port(name.prefix + "_tready")),
          last(model.find_port(name.prefix + "_tlast")),
          way(name.way),
          ways(name.ways),
          width(data->width / name.ways),
          words(words_of_bits(width)) {
        QLOOM_ASSERT(name.way >= 0 && name.way < name.ways && data->width % name.ways == 0,
                     "the ways share the port evenly");
    }

    [[nodiscard]] bool get_bit(const ModelPort* port) const {
        return ((port->data[way / 8] >> (way % 8)) & 1) != 0;
    }
    void set_bit(const ModelPort* port, bool value) const {
        const int mask = 1 << (way % 8);
        std::uint8_t& byte = port->data[way / 8];
        byte = static_cast<std::uint8_t>(value ? byte | mask : byte & ~mask);
    }
    void set_beat(const std::uint32_t* beat) const {
        if (ways == 1) {
            std::memcpy(data->data, beat, static_cast<std::size_t>(data->bytes));
            return;
        }
        for (int i = 0; i < width; ++i) {
            const int to = way * width + i;
            const int mask = 1 << (to % 8);
            const bool bit = ((beat[i / 32] >> (i % 32)) & 1U) != 0;
            std::uint8_t& byte = data->data[to / 8];
            byte = static_cast<std::uint8_t>(bit ? byte | mask : byte & ~mask);
        }
    }
    void append_beat(std::vector<std::uint32_t>& out) const {
        const std::size_t begin = out.size();
        out.resize(begin + words, 0);
        if (ways == 1) {
            std::memcpy(&out[begin], data->data,
                        std::min(static_cast<std::size_t>(data->bytes), words * 4));
            return;
        }
        for (int i = 0; i < width; ++i) {
            const int from = way * width + i;
            if (((data->data[from / 8] >> (from % 8)) & 1) != 0) {
                out[begin + static_cast<std::size_t>(i) / 32] |= 1U << (i % 32);
            }
        }
    }

    const ModelPort* data;
    const ModelPort* valid;
    const ModelPort* ready;
    const ModelPort* last;
    int way;
    int ways;
    int width;
    std::size_t words;
};

struct LiveSource {
    Lane lane;
    const Source* source;
    std::size_t beats;
    std::size_t next = 0;
    bool offered = false;
};

struct LiveSink {
    Lane lane;
    const Sink* sink;
};

}  // namespace

StreamHarness::StreamHarness(VerilatedModel& model) : model_(&model) {
    if (model.find_port("ap_clk") != nullptr) {
        clock_ = model.port("ap_clk").data;
        reset_ = model.port("ap_rst_n").data;
        reset_active_ = 0;
    } else {
        clock_ = model.port("clk").data;
        reset_ = model.port("rst").data;
    }
    reset();
}

void StreamHarness::clock_low() {
    *clock_ = 0;
    model_->eval();
    if (tracing_) {
        model_->dump_trace(trace_time_);
        trace_time_ += 5;
    }
}

void StreamHarness::clock_high() {
    *clock_ = 1;
    model_->eval();
    if (tracing_) {
        model_->dump_trace(trace_time_);
        trace_time_ += 5;
    }
}

void StreamHarness::reset(int cycles) {
    for (const ModelPort& port : model_->ports()) {
        if (port.is_input) {
            std::memset(port.data, 0, static_cast<std::size_t>(port.bytes));
        }
    }
    *reset_ = reset_active_;
    for (int i = 0; i < cycles; ++i) {
        clock_low();
        clock_high();
    }
    *reset_ = static_cast<std::uint8_t>(1 - reset_active_);
    cycle_ = 0;
}

RunRecord StreamHarness::run(std::span<const Source> sources, std::span<const Sink> sinks,
                             const RunOptions& options) {
    FastRandom random(options.seed);
    RunRecord record;
    record.sources.resize(sources.size());
    record.sinks.resize(sinks.size());
    std::vector<LiveSource> live_sources;
    std::vector<LiveSink> live_sinks;
    std::size_t open = 0;  // sources and sinks with beats to go
    for (std::size_t i = 0; i < sources.size(); ++i) {
        const Lane lane(*model_, sources[i].stream);
        QLOOM_ASSERT(sources[i].words.size() % lane.words == 0, "a source holds whole beats");
        const std::size_t beats = sources[i].words.size() / lane.words;
        live_sources.push_back({.lane = lane, .source = &sources[i], .beats = beats});
        record.sources[i].cycles.reserve(beats);
        open += beats > 0 ? 1 : 0;
    }
    for (std::size_t i = 0; i < sinks.size(); ++i) {
        const Lane lane(*model_, sinks[i].stream);
        live_sinks.push_back({.lane = lane, .sink = &sinks[i]});
        record.sinks[i].words.reserve(sinks[i].beats * lane.words);
        record.sinks[i].cycles.reserve(sinks[i].beats);
        open += sinks[i].beats > 0 ? 1 : 0;
    }

    const std::uint64_t begin = cycle_;
    std::uint64_t last_move = cycle_;
    std::uint64_t drain_end = 0;
    while (open > 0 || cycle_ < drain_end) {
        for (LiveSource& it : live_sources) {
            if (!it.offered) {
                it.offered = it.next < it.beats && !random.chance(it.source->idle_percent);
                if (it.offered) {
                    it.lane.set_beat(&it.source->words[it.next * it.lane.words]);
                }
                it.lane.set_bit(it.lane.valid, it.offered);
            }
        }
        for (const LiveSink& it : live_sinks) {
            it.lane.set_bit(it.lane.ready, !random.chance(it.sink->stall_percent));
        }
        clock_low();
        for (std::size_t i = 0; i < live_sources.size(); ++i) {
            LiveSource& it = live_sources[i];
            if (it.offered && it.lane.get_bit(it.lane.ready)) {
                record.sources[i].cycles.push_back(cycle_);
                it.offered = false;
                last_move = cycle_;
                open -= ++it.next == it.beats ? 1 : 0;
            }
        }
        for (std::size_t i = 0; i < live_sinks.size(); ++i) {
            const LiveSink& it = live_sinks[i];
            if (!it.lane.get_bit(it.lane.valid) || !it.lane.get_bit(it.lane.ready)) {
                continue;
            }
            SinkRecord& out = record.sinks[i];
            last_move = cycle_;
            if (out.cycles.size() == it.sink->beats) {
                ++out.surplus;
                continue;
            }
            it.lane.append_beat(out.words);
            out.cycles.push_back(cycle_);
            if (it.lane.last != nullptr) {
                out.last.push_back(it.lane.get_bit(it.lane.last));
            }
            open -= out.cycles.size() == it.sink->beats ? 1 : 0;
        }
        clock_high();
        ++cycle_;
        if (open == 0 && drain_end == 0) {
            drain_end = cycle_ + options.drain_cycles;
        }
        if (open > 0 && cycle_ - last_move > options.stuck_after_cycles) {
            std::string what =
                fmt::format("no beat moved for {} cycles", options.stuck_after_cycles);
            for (const LiveSource& it : live_sources) {
                what += fmt::format("; {} sent {} of {} beats", it.source->stream.prefix, it.next,
                                    it.beats);
            }
            for (std::size_t i = 0; i < live_sinks.size(); ++i) {
                what += fmt::format("; {} gave {} of {} beats", sinks[i].stream.prefix,
                                    record.sinks[i].cycles.size(), sinks[i].beats);
            }
            throw Error(code::kSimulationStuck, "simulation", what,
                        "check that the input holds whole frames; if it does, please report the "
                        "model that shows this");
        }
        if (options.progress && (cycle_ - begin) % options.progress_cycles == 0) {
            options.progress(cycle_ - begin,
                             record.sinks.empty() ? 0 : record.sinks[0].cycles.size());
        }
    }
    for (const LiveSource& it : live_sources) {
        it.lane.set_bit(it.lane.valid, false);
    }
    record.cycles = cycle_ - begin;
    return record;
}

void StreamHarness::open_trace(const std::filesystem::path& file) {
    model_->open_trace(file);
    tracing_ = true;
}

void StreamHarness::close_trace() {
    tracing_ = false;
    model_->close_trace();
}

int StreamHarness::beat_width(const StreamName& stream) const {
    return Lane(*model_, stream).width;
}

}  // namespace qloom::sim
