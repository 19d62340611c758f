#pragma once

#include <cstdint>
#include <functional>

#include "hw/accelerator.h"
#include "hw/machines/machine.h"
#include "hw/stream_model.h"

namespace qloom::hw {

struct PlainRunOptions {
    std::int64_t frames = 1;
    // Ends the run after so many cycles; 0: no limit.
    std::int64_t most_cycles = 0;
    // Sees the wires of every channel in every cycle.
    std::function<void(std::int64_t cycle, const Wires& wires)> observe = {};
};

// The stream model in its plainest form: every machine sees every clock edge, and somebody may watch. Feeds
// frames as fast as they are taken, takes results at once. Ends when all frames are out, or when
// nothing has moved for as long as any unit may compute. `period` and `steps` stay 0.
StreamRun run_plainly(const Accelerator& accelerator, const PlainRunOptions& options);

}  // namespace qloom::hw
