#pragma once

#include <memory>

#include "soc/cached_memory.h"
#include "soc/elf.h"
#include "soc/processor.h"

namespace qloom::soc {

// A Cortex-A9, or a Cortex-A53 in 64 bit, on libunicorn. Cache instructions, the system control
// register and the generic timer, which the library takes for nothing, are found in the program's
// code and watched there.
std::unique_ptr<Processor> make_unicorn_processor(const Elf& elf, CachedMemory& memory,
                                                  Surroundings& surroundings);

}  // namespace qloom::soc
