#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "synth/synthesise.h"

namespace qloom::synth {

// Writes the synthesised accelerator as a folder that sim::simulate() runs in place of `dir`: the
// accelerator's top with the units' netlists, of gates that Yosys makes of its own models of the
// family's cells, and Qloom's models of block RAM. Lies in the cache; returns its path. Units
// converted before are not converted again.
std::filesystem::path write_netlist_folder(
    const std::filesystem::path& dir, const Synthesis& synthesis,
    const std::function<void(std::int64_t done, std::int64_t total)>& progress = {});

}  // namespace qloom::synth
