#pragma once

#include <nlohmann/json_fwd.hpp>

#include "hw/accelerator.h"
#include "network/network.h"

// The accelerator in numbers, with the names and units that `qloom compile --json` and report.json
// use.
namespace qloom::view {

// "board" ... "utilisation": the numbers of the whole accelerator, and "units". The document of
// `qloom compile --json` holds the same values under the same keys.
nlohmann::ordered_json summary_of(const hw::Accelerator& accelerator);

// summary_of() and what the page also draws: memories and FIFO occupancy of each unit, channels,
// ports, notes.
nlohmann::ordered_json accelerator_json(const hw::Accelerator& accelerator);

// Cycles a frame between which a target makes sense: with every layer as parallel as it can be, and
// with none parallel. Not slower than 400,000 cycles where a network can be faster: folding
// simulates a few frames, and a slider must not wait for frames of ten million cycles.
struct TargetLimits {
    std::int64_t fastest_ii = 1;
    std::int64_t slowest_ii = 1;
};
// Throws code::kNoHardware for a layer that the RTL library does not have.
TargetLimits target_limits(const network::Network& network);

}  // namespace qloom::view
