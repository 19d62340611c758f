#pragma once

#include "hw/stream_model.h"

namespace qloom::testing {

// The stream model in its plainest form: every machine sees every clock edge. Until `frames` frames
// are out, or nothing has moved for as long as any unit may compute.
hw::StreamRun plain_run(const hw::Accelerator& accelerator, std::int64_t frames);

}  // namespace qloom::testing
