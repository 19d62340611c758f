#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hw/board.h"

// The families of devices that open synthesis knows.
namespace qloom::synth {

enum class Target { kXc7, kXcup, kIce40 };

struct TargetInfo {
    Target target;
    std::string_view name;     // as the command line says it
    std::string_view title;    // as people say it
    std::string_view command;  // Yosys' synthesis command, without -top
    std::string_view cells;  // behaviour of its cells, in Yosys' own folder: "+/xilinx/cells_sim.v"
    bool has_estimate = false;  // the cost model speaks about this family
};

const TargetInfo& info_of(Target target);
// Nothing for another name.
std::optional<Target> target_named(std::string_view name);
std::vector<std::string> target_names();

// The family of a board's device, by its part: xc7..., xczu... and xck26..., an iCE40.
Target target_of(const hw::Board& board);

}  // namespace qloom::synth
