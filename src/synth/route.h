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
    std::string board;  // "" for the accelerator alone
    int logic_cells = 0;
    int ram4k = 0;
    double mhz = 0.0;               // of the slowest path after routing
    double asked_mhz = 0.0;         // what the board's clock is; 0 for the accelerator alone
    std::filesystem::path netlist;  // Verilog of the cells that were placed
    std::filesystem::path bitstream;
};

// Places and routes the synthesised netlists with nextpnr-ice40, packs DIR/synth_DEVICE.bin with
// icepack. The accelerator's streams end in shift registers with one pin each, since a chip has
// fewer pins than streams have bits; the registers cost a logic cell a bit, which logic_cells
// includes. Throws code::kToolMissing, code::kToolFailed (also when it does not fit).
Routed route_ice40(const std::filesystem::path& dir, const Synthesis& synthesis,
                   const Ice40Device& device,
                   const std::function<void(const std::string&)>& say = {});

// The same for the board that the folder was compiled for: DIR/ice40/qloom_board.sv around the
// accelerator, with its pins; packs DIR/ice40/qloom.bin. Throws besides code::kBoardTooSmall,
// before anything is placed, and code::kTimingMissed when the routed design is slower than the
// board's clock.
Routed route_board(const std::filesystem::path& dir, const Synthesis& synthesis,
                   const std::function<void(const std::string&)>& say = {});

// Whether both tools are installed.
bool can_route_ice40();

// The top that route_ice40() routes: pins clk, rst, data_i, take_i, data_o around qloom_top.
std::string pins_text(const hw::Accelerator& accelerator);

}  // namespace qloom::synth
