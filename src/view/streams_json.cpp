#include "view/streams_json.h"

#include <algorithm>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "hw/plain_streams.h"

namespace qloom::view {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kFrames = 3;
constexpr std::int64_t kWaveCycles = 256;
constexpr std::int64_t kMostSteps = 6'000'000;  // of machines: a fifth of a second
constexpr std::size_t kMostSpans = 240;         // points of a FIFO's curve

// How many of a channel's cycles were what, and its wires at the start.
struct ChannelRecord {
    std::int64_t moves = 0;
    std::int64_t waits = 0;
    std::int64_t starves = 0;
    std::string wave;
};

// The fill of a FIFO, in spans that double in length whenever they become too many.
struct FifoRecord {
    int unit = 0;
    int in = -1;  // its channels
    int out = -1;
    std::int64_t held = 0;
    std::vector<std::int64_t> most;
};

class Recorder {
public:
    explicit Recorder(const hw::Accelerator& accelerator) : channels_(accelerator.channels.size()) {
        for (std::size_t i = 0; i < accelerator.units.size(); ++i) {
            if (accelerator.units[i].module == hw::Module::kFifo)
                fifos_.push_back({.unit = static_cast<int>(i), .most = {}});
        }
        for (FifoRecord& fifo : fifos_) {
            for (std::size_t i = 0; i < accelerator.channels.size(); ++i) {
                if (accelerator.channels[i].to.unit == fifo.unit) fifo.in = static_cast<int>(i);
                if (accelerator.channels[i].from.unit == fifo.unit) fifo.out = static_cast<int>(i);
            }
        }
    }

    void see(std::int64_t cycle, const hw::Wires& wires) {
        cycles_ = cycle + 1;
        for (std::size_t i = 0; i < channels_.size(); ++i) {
            const bool valid = wires.valid[i] != 0;
            const bool ready = wires.ready[i] != 0;
            ChannelRecord& channel = channels_[i];
            channel.moves += valid && ready ? 1 : 0;
            channel.waits += valid && !ready ? 1 : 0;
            channel.starves += !valid && ready ? 1 : 0;
            if (cycle < kWaveCycles)
                channel.wave += static_cast<char>('0' + (valid ? 1 : 0) + (ready ? 2 : 0));
        }
        if (!fifos_.empty()) see_fifos(cycle, wires);
    }

    [[nodiscard]] std::int64_t cycles() const { return cycles_; }
    [[nodiscard]] const std::vector<ChannelRecord>& channels() const { return channels_; }
    [[nodiscard]] const std::vector<FifoRecord>& fifos() const { return fifos_; }
    [[nodiscard]] std::int64_t span() const { return span_; }

private:
    void see_fifos(std::int64_t cycle, const hw::Wires& wires) {
        if (cycle == span_ * static_cast<std::int64_t>(kMostSpans)) double_spans();
        const auto at = static_cast<std::size_t>(cycle / span_);
        for (FifoRecord& fifo : fifos_) {
            fifo.most.resize(at + 1, 0);
            fifo.most[at] = std::max(fifo.most[at], fifo.held);
            fifo.held += (wires.fires(fifo.in) ? 1 : 0) - (wires.fires(fifo.out) ? 1 : 0);
        }
    }

    void double_spans() {
        span_ *= 2;
        for (FifoRecord& fifo : fifos_) {
            for (std::size_t i = 0; i < kMostSpans / 2; ++i)
                fifo.most[i] = std::max(fifo.most[2 * i], fifo.most[2 * i + 1]);
            fifo.most.resize(kMostSpans / 2);
        }
    }

    std::vector<ChannelRecord> channels_;
    std::vector<FifoRecord> fifos_;
    std::int64_t cycles_ = 0;
    std::int64_t span_ = 1;
};

double share(std::int64_t count, std::int64_t before, std::int64_t cycles) {
    return cycles > 0 ? static_cast<double>(count - before) / static_cast<double>(cycles) : 0.0;
}

}  // namespace

Json streams_json(const hw::Accelerator& accelerator) {
    const auto units = std::max<std::int64_t>(1, static_cast<std::int64_t>(accelerator.units.size()));
    const std::int64_t most_cycles = std::max(kWaveCycles, kMostSteps / units);
    // Where the first frame ends the pipeline is full; what happened before is taken off the shares. Enough frames follow
    // for the first units to have work until the last one that is looked at is out.
    const std::int64_t fed =
        kFrames + 1 + accelerator.latency_cycles / std::max<std::int64_t>(1, accelerator.ii_cycles);
    const std::vector<std::int64_t> ends = hw::run_streams(accelerator, {.frames = fed}).frame_ends;
    const auto out = static_cast<std::int64_t>(ends.size());
    const std::int64_t filled = out > 0 ? ends.front() + 1 : 0;
    const std::int64_t wanted = out >= kFrames ? ends[kFrames - 1] + 1 : most_cycles;
    Recorder recorder(accelerator);
    std::vector<ChannelRecord> before(accelerator.channels.size());
    (void)hw::run_plainly(
        accelerator, {.frames = fed,
                      .most_cycles = std::min(wanted, most_cycles),
                      .observe = [&](std::int64_t cycle, const hw::Wires& wires) {
                          if (cycle == filled) before = recorder.channels();
                          recorder.see(cycle, wires);
                      }});
    const bool is_full = recorder.cycles() > filled;
    if (!is_full) before.assign(before.size(), {});
    const std::int64_t counted = recorder.cycles() - (is_full ? filled : 0);
    Json channels = Json::array();
    for (std::size_t i = 0; i < before.size(); ++i) {
        const ChannelRecord& channel = recorder.channels()[i];
        channels.push_back({{"moves", share(channel.moves, before[i].moves, counted)},
                            {"waits", share(channel.waits, before[i].waits, counted)},
                            {"starves", share(channel.starves, before[i].starves, counted)},
                            {"wave", channel.wave}});
    }
    Json fifos = Json::array();
    for (const FifoRecord& fifo : recorder.fifos())
        fifos.push_back({{"unit", fifo.unit}, {"span_cycles", recorder.span()}, {"most", fifo.most}});
    return {{"frames", kFrames},
            {"cycles", recorder.cycles()},
            {"complete", out >= kFrames && recorder.cycles() == wanted},
            {"wave_cycles", std::min(kWaveCycles, recorder.cycles())},
            {"channels", std::move(channels)},
            {"fifos", std::move(fifos)}};
}

}  // namespace qloom::view
