#pragma once

#include <cstdint>
#include <vector>

#include "hw/accelerator.h"

// The accelerator as token machines, one a unit: the valid/ready control of each RTL module
// repeated cycle by cycle, without data. What it says about cycles is what the RTL does. Only
// machines whose wires or state changed are looked at, and a unit that computes for many cycles is
// left alone meanwhile; the result is that of stepping every machine in every cycle.
namespace qloom::hw {

struct StreamRun {
    bool deadlocked = false;        // nothing can move any more although frames are missing
    std::int64_t first_accept = 0;  // cycle in which the first input beat was taken
    std::vector<std::int64_t>
        frame_ends;  // cycle in which a frame's last output beat left, one a frame
    std::vector<std::int64_t>
        fifo_peaks;  // most beats held, one a unit (0 for units that are no FIFO)
    // Cycles a frame once everything repeats itself exactly; 0 where that was not reached.
    double period = 0.0;
    std::int64_t first_loss = 0;  // cycles that the first late frame came too late, with until_late
    std::int64_t steps = 0;       // machine steps taken: what the run cost
};

struct StreamRunOptions {
    std::int64_t frames = 1;
    // FIFOs hold whatever comes; fifo_peaks then says how much that was.
    bool unbounded_fifos = false;
    // A frame may enter every so many cycles; 0: as fast as it is taken.
    std::int64_t pace = 0;
    // Ends the run as soon as everything repeats itself, or at so many frames.
    bool until_periodic = false;
    // Ends the run after so many machine steps; 0: no limit.
    std::int64_t most_steps = 0;
    // Ends the run at the first frame that comes later after its release than the one before.
    bool until_late = false;
};

// Feeds frames and takes results at once.
StreamRun run_streams(const Accelerator& accelerator, const StreamRunOptions& options);

struct StreamTiming {
    bool deadlocked = false;
    double ii = 0.0;                  // cycles a frame in the steady state
    std::int64_t latency_cycles = 0;  // first input beat to last output beat of the first frame
    std::vector<std::int64_t> fifo_peaks;
    std::int64_t frames = 0;      // that were run
    std::int64_t first_loss = 0;  // as in StreamRun
    std::int64_t steps = 0;       // machine steps that took
};
// Runs as many frames as it takes to reach the steady state. `pace` as above: FIFOs then hold what
// that rate needs of them, and the steady state comes sooner. `until_late`: a late frame ends it,
// and ii is then only known to be above the pace. Few networks that keep the pace have one.
struct MeasureOptions {
    bool unbounded_fifos = false;
    std::int64_t pace = 0;
    bool until_late = false;
};
StreamTiming measure_streams(const Accelerator& accelerator, const MeasureOptions& options = {});

}  // namespace qloom::hw
