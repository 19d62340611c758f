#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "hw/accelerator.h"
#include "synth/netlist.h"
#include "synth/target.h"

// Open synthesis of a compiled network with Yosys, layer by layer.
namespace qloom::synth {

struct SynthOptions {
    Target target = Target::kXc7;
    std::filesystem::path cache = {};  // folder of synthesised units; empty: DIR/synth
    // Called often: units done, units in all, what is being done.
    std::function<void(std::int64_t done, std::int64_t total, const std::string& what)> progress =
        {};
};

struct LayerSynthesis {
    hw::Unit unit;
    Cost cost;
    std::string key;  // of its folder in the cache; equal for equal hardware
    bool was_cached = false;
};

struct Synthesis {
    Target target = Target::kXc7;
    std::string tool;     // "Yosys 0.23 (git sha1 ...)"
    std::string command;  // what was run on each unit
    std::filesystem::path cache;
    std::vector<LayerSynthesis> layers;  // all units, in the order of the network
    double seconds = 0.0;

    [[nodiscard]] Cost total() const;
};

// Runs Yosys on each unit by itself (out of context), once for units that are the same hardware,
// and never for one that the cache holds: an entry is named by the text of its RTL, parameters,
// memory contents, Yosys' version and the script. Between the units are wires alone, so that the
// sum is the accelerator's; the longest path is the longest of any unit's. `dir` is a folder
// written by emit(). Throws code::kToolMissing without Yosys, code::kToolFailed with its last
// lines.
Synthesis synthesise(const std::filesystem::path& dir, const SynthOptions& options = {});

// The netlist of a unit, as Yosys writes it: module "unit_KEY", flat, of the family's cells.
std::filesystem::path netlist_file(const Synthesis& synthesis, const LayerSynthesis& layer);
std::string netlist_module(const LayerSynthesis& layer);

}  // namespace qloom::synth
