#pragma once

#include <filesystem>

#include "base/codes/sim.h"
#include "hw/accelerator.h"

namespace qloom::soc {

// Verilates qloom_soc for a folder that emit() wrote: its rtl/ with what pack::system_rtl() adds,
// written to `cache`. Returns the shared object, built once for the same content. Throws what
// sim::build_model throws.
std::filesystem::path build_system_model(const std::filesystem::path& folder,
                                         const hw::Accelerator& accelerator,
                                         const std::filesystem::path& cache, bool checks = false);

}  // namespace qloom::soc
