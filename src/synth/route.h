#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "synth/synthesise.h"

namespace qloom::synth {

// An iCE40 chip and package with its name for nextpnr.
struct Ice40Device {
    std::string name;     // "hx8k"
    std::string option;   // "--hx8k"
    std::string package;  // "ct256"
};
const std::vector<Ice40Device>& ice40_devices();

struct Routed {
    std::string tool;
    std::string device;
    int logic_cells = 0;
    int ram4k = 0;
    double mhz = 0.0;  // of the slowest path after routing
    std::filesystem::path bitstream;
};

// Places and routes the synthesised netlists with nextpnr-ice40, packs DIR/synth_DEVICE.bin with
// icepack. The accelerator's streams end in shift registers with one pin each, since a chip has
// fewer pins than streams have bits; the registers cost a logic cell a bit, which logic_cells
// includes. Throws code::kToolMissing, code::kToolFailed (also when it does not fit).
Routed route_ice40(const std::filesystem::path& dir, const Synthesis& synthesis,
                   const Ice40Device& device,
                   const std::function<void(const std::string&)>& say = {});

// Whether both tools are installed.
bool can_route_ice40();

// The top that route_ice40() routes: pins clk, rst, data_i, take_i, data_o around qloom_top.
std::string pins_text(const hw::Accelerator& accelerator);

}  // namespace qloom::synth
