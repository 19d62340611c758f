#pragma once

#include <string_view>

// What the cells of a netlist are, and what they count as.
namespace qloom::synth {

enum class CellClass {
    kLut,          // logic: one level
    kMultiplexer,  // combines LUTs of a slice, in no level of its own
    kCarry,        // part of a carry chain
    kLutRam,       // written on the clock, read like a LUT
    kShift,        // shift register in LUTs, read like a LUT
    kRegister,     // paths end and begin
    kBlockRam,
    kDsp,
    kOther  // paths end and begin; counted nowhere
};

struct CellKind {
    CellClass kind = CellClass::kOther;
    double luts = 0.0;
    double ffs = 0.0;
    double bram36 = 0.0;  // iCE40: memories of 4 kbit count as ram4k instead
    double ram4k = 0.0;
    double dsps = 0.0;
};

// By the type's name: "LUT6", "FDRE", "CARRY4", "SB_LUT4", ... Unknown types are kOther.
CellKind cell_kind(std::string_view type);

}  // namespace qloom::synth
