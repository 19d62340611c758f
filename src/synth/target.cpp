#include "synth/target.h"

#include <array>

namespace qloom::synth {
namespace {

// Without wide multiplexers, pads and clock buffers; block RAM and LUT RAM as Yosys sees fit.
constexpr std::array<TargetInfo, 3> kTargets{{
    {Target::kXc7, "xc7", "7 series",
     "synth_xilinx -family xc7 -flatten -noiopad -noclkbuf -nodsp -nowidelut",
     "+/xilinx/cells_sim.v", true},
    {Target::kXcup, "xcup", "UltraScale+",
     "synth_xilinx -family xcup -flatten -noiopad -noclkbuf -nodsp -nowidelut",
     "+/xilinx/cells_sim.v", true},
    {Target::kIce40, "ice40", "iCE40", "synth_ice40", "+/ice40/cells_sim.v", false},
}};

}  // namespace

const TargetInfo& info_of(Target target) { return kTargets[static_cast<std::size_t>(target)]; }

std::optional<Target> target_named(std::string_view name) {
    for (const TargetInfo& info : kTargets) {
        if (info.name == name) return info.target;
    }
    return std::nullopt;
}

Target target_of(const hw::Board& board) {
    if (board.ice40) return Target::kIce40;
    return board.part.starts_with("xczu") || board.part.starts_with("xck") ? Target::kXcup
                                                                           : Target::kXc7;
}

std::vector<std::string> target_names() {
    std::vector<std::string> names;
    for (const TargetInfo& info : kTargets) names.emplace_back(info.name);
    return names;
}

}  // namespace qloom::synth
