#pragma once

#include <string>

#include "hw/accelerator.h"
#include "pack/stream_plan.h"

namespace qloom::pack {

// vivado/build.tcl: from the IP in ip/ to bitstream, .xsa, .hwh and reports, for `vivado -mode
// batch -source build.tcl` (2022.2 to 2024.2). The design's numbers stand in front, the rest
// (deploy/vivado/build_body.tcl) is the same for all.
std::string vivado_script(const hw::Accelerator& accelerator, const hw::Board& board,
                          const StreamPlan& plan);

}  // namespace qloom::pack
