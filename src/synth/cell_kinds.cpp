#include "synth/cell_kinds.h"

#include <array>
#include <utility>

namespace qloom::synth {
namespace {

using Entry = std::pair<std::string_view, CellKind>;

// LUTs that memories and shift registers in LUTs occupy (UG474 and UG574, tables of distributed
// RAM).
constexpr std::array kKinds{
    Entry{"INV", {.kind = CellClass::kLut, .luts = 1}},
    Entry{"LUT1", {.kind = CellClass::kLut, .luts = 1}},
    Entry{"LUT2", {.kind = CellClass::kLut, .luts = 1}},
    Entry{"LUT3", {.kind = CellClass::kLut, .luts = 1}},
    Entry{"LUT4", {.kind = CellClass::kLut, .luts = 1}},
    Entry{"LUT5", {.kind = CellClass::kLut, .luts = 1}},
    Entry{"LUT6", {.kind = CellClass::kLut, .luts = 1}},
    Entry{"LUT6_2", {.kind = CellClass::kLut, .luts = 1}},
    Entry{"SB_LUT4", {.kind = CellClass::kLut, .luts = 1}},
    Entry{"MUXF7", {.kind = CellClass::kMultiplexer}},
    Entry{"MUXF8", {.kind = CellClass::kMultiplexer}},
    Entry{"MUXF9", {.kind = CellClass::kMultiplexer}},
    Entry{"CARRY4", {.kind = CellClass::kCarry}},
    Entry{"CARRY8", {.kind = CellClass::kCarry}},
    Entry{"SB_CARRY", {.kind = CellClass::kCarry}},
    Entry{"RAM32X1S", {.kind = CellClass::kLutRam, .luts = 1}},
    Entry{"RAM64X1S", {.kind = CellClass::kLutRam, .luts = 1}},
    Entry{"RAM128X1S", {.kind = CellClass::kLutRam, .luts = 2}},
    Entry{"RAM256X1S", {.kind = CellClass::kLutRam, .luts = 4}},
    Entry{"RAM512X1S", {.kind = CellClass::kLutRam, .luts = 8}},
    Entry{"RAM32X1D", {.kind = CellClass::kLutRam, .luts = 2}},
    Entry{"RAM64X1D", {.kind = CellClass::kLutRam, .luts = 2}},
    Entry{"RAM128X1D", {.kind = CellClass::kLutRam, .luts = 4}},
    Entry{"RAM256X1D", {.kind = CellClass::kLutRam, .luts = 8}},
    Entry{"RAM32M", {.kind = CellClass::kLutRam, .luts = 4}},
    Entry{"RAM64M", {.kind = CellClass::kLutRam, .luts = 4}},
    Entry{"RAM32M16", {.kind = CellClass::kLutRam, .luts = 8}},
    Entry{"RAM64M8", {.kind = CellClass::kLutRam, .luts = 8}},
    Entry{"SRL16E", {.kind = CellClass::kShift, .luts = 1}},
    Entry{"SRLC32E", {.kind = CellClass::kShift, .luts = 1}},
    Entry{"RAMB18E1", {.kind = CellClass::kBlockRam, .bram36 = 0.5}},
    Entry{"RAMB36E1", {.kind = CellClass::kBlockRam, .bram36 = 1}},
    Entry{"RAMB18E2", {.kind = CellClass::kBlockRam, .bram36 = 0.5}},
    Entry{"RAMB36E2", {.kind = CellClass::kBlockRam, .bram36 = 1}},
    Entry{"SB_RAM40_4K", {.kind = CellClass::kBlockRam, .ram4k = 1}},
    Entry{"DSP48E1", {.kind = CellClass::kDsp, .dsps = 1}},
    Entry{"DSP48E2", {.kind = CellClass::kDsp, .dsps = 1}},
    Entry{"SB_MAC16", {.kind = CellClass::kDsp, .dsps = 1}},
};

}  // namespace

CellKind cell_kind(std::string_view type) {
    for (const auto& [name, kind] : kKinds) {
        if (name == type) return kind;
    }
    // FDRE, FDSE, FDCE, FDPE and their relatives; SB_DFF, SB_DFFE, SB_DFFESR, ...
    if (type.starts_with("FD") || type.starts_with("SB_DFF"))
        return {.kind = CellClass::kRegister, .ffs = 1};
    return {};
}

}  // namespace qloom::synth
