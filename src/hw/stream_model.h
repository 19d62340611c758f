#pragma once

#include <cstdint>
#include <vector>

#include "hw/accelerator.h"

// The accelerator as token machines, one a unit: the valid/ready control of each RTL module
// repeated cycle by cycle, without data. What it says about cycles is what the RTL does.
namespace qloom::hw {

struct StreamRun {
    bool deadlocked = false;        // nothing moved although frames were missing
    std::int64_t first_accept = 0;  // cycle in which the first input beat was taken
    std::vector<std::int64_t>
        frame_ends;  // cycle in which a frame's last output beat left, one a frame
    std::vector<std::int64_t>
        fifo_peaks;  // most beats held, one a unit (0 for units that are no FIFO)
};

struct StreamRunOptions {
    std::int64_t frames = 1;
    // FIFOs hold whatever comes; fifo_peaks then says how much that was.
    bool unbounded_fifos = false;
};

// Feeds frames as fast as they are taken and takes results at once.
StreamRun run_streams(const Accelerator& accelerator, const StreamRunOptions& options);

struct StreamTiming {
    bool deadlocked = false;
    double ii = 0.0;                  // cycles a frame in the steady state
    std::int64_t latency_cycles = 0;  // first input beat to last output beat of the first frame
    std::vector<std::int64_t> fifo_peaks;
};
// Runs as many frames as it takes to reach the steady state.
StreamTiming measure_streams(const Accelerator& accelerator, bool unbounded_fifos = false);

}  // namespace qloom::hw
