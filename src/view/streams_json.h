#pragma once

#include <nlohmann/json_fwd.hpp>

#include "hw/accelerator.h"

namespace qloom::view {

// Where beats move and where they wait, by the stream model, whose cycles are those of the RTL, frames coming
// as fast as they are taken. An object with
//   frames, cycles, complete   until so many frames are out; `complete` is false where that was cut short
//   wave_cycles                length of the waves
//   channels                   one a channel of the accelerator: the shares of the cycles in which a beat `moves`,
//                              one `waits` (valid without ready) and the receiver `starves` (ready without valid), from
//                              the end of the first to that of the last frame; and `wave`: a digit a cycle from
//                              the start, valid + 2 * ready
//   fifos                      one a FIFO: its index as `unit`, and `most`: the most beats that it held in each
//                              span of `span_cycles`
nlohmann::ordered_json streams_json(const hw::Accelerator& accelerator);

}  // namespace qloom::view
