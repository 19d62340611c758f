#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/codes/sim.h"
#include "sim/verilated_model.h"

namespace qloom::sim {

// A stream of the model by the prefix of its ports, "s_axis" for s_axis_tdata, _tvalid, _tready.
// Where one set of ports carries several streams side by side, `way` of `ways` picks one: data bits
// [way * w, (way + 1) * w), valid and ready bit `way`.
struct StreamName {
    std::string prefix;
    int way = 0;
    int ways = 1;
};

// Beats for an input stream: each takes ceil(width / 32) words, low word first.
struct Source {
    StreamName stream;
    std::span<const std::uint32_t> words;
    int idle_percent = 0;  // chance that the next beat waits another cycle before it is offered
};

// What to take from an output stream.
struct Sink {
    StreamName stream;
    std::size_t beats = 0;
    int stall_percent = 0;  // chance that ready is low in a cycle
};

struct RunOptions {
    std::uint64_t seed = 1;
    std::uint64_t stuck_after_cycles =
        100000;                      // no beat moved anywhere for so long: code::kSimulationStuck
    std::uint64_t drain_cycles = 0;  // watch for surplus output beats after the last one expected
    std::function<void(std::uint64_t cycles, std::size_t beats)> progress =
        {};                                 // beats of the first sink
    std::uint64_t progress_cycles = 65536;  // how often
};

struct SourceRecord {
    std::vector<std::uint64_t> cycles;  // when each beat was accepted
};

struct SinkRecord {
    std::vector<std::uint32_t> words;   // the beats taken, packed as in Source
    std::vector<std::uint64_t> cycles;  // when each was taken
    std::vector<bool> last;             // its tlast; empty when the stream has none
    std::size_t surplus = 0;            // beats that came on top while draining
};

struct RunRecord {
    std::vector<SourceRecord> sources;
    std::vector<SinkRecord> sinks;
    std::uint64_t cycles = 0;  // of this run
};

// Drives the streams of any model: clock `clk` and high-active reset `rst`, or `ap_clk` and
// low-active `ap_rst_n`. Cycles count from the end of the last reset, and go on from run to run.
class StreamHarness {
public:
    explicit StreamHarness(VerilatedModel& model);

    void reset(int cycles = 4);

    // Sends all of every source and takes the asked beats of every sink, then drains.
    RunRecord run(std::span<const Source> sources, std::span<const Sink> sinks,
                  const RunOptions& options = {});

    // Writes a waveform from here on; needs ModelSpec::trace.
    void open_trace(const std::filesystem::path& file);
    void close_trace();

    // Bits of one beat of a stream.
    [[nodiscard]] int beat_width(const StreamName& stream) const;

    [[nodiscard]] std::uint64_t cycle() const { return cycle_; }

private:
    void clock_low();
    void clock_high();

    VerilatedModel* model_;
    std::uint8_t* clock_ = nullptr;
    std::uint8_t* reset_ = nullptr;
    std::uint8_t reset_active_ = 1;
    bool tracing_ = false;
    std::uint64_t cycle_ = 0;
    std::uint64_t trace_time_ = 0;
};

}  // namespace qloom::sim
