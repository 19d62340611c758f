#pragma once

#include <map>
#include <string>

#include "base/codes/synth.h"

namespace qloom::synth {

// What a piece of hardware takes after synthesis.
struct Cost {
    double luts = 0.0;  // logic and memories in LUTs together
    double ffs = 0.0;
    double carries = 0.0;  // CARRY4, CARRY8 or SB_CARRY cells
    double bram36 = 0.0;   // a half block is 0.5
    double ram4k = 0.0;    // iCE40's memories
    double dsps = 0.0;
    int lut_levels = 0;    // on the longest path between registers, memories and ports
    int path_carries = 0;  // carry cells on that path

    // Sums, and the longer path.
    Cost& operator+=(const Cost& other);
    friend bool operator==(const Cost&, const Cost&) = default;
};

struct Netlist {
    Cost cost;
    std::map<std::string, int> cells;  // how many of each type
};

// Counts the cells of module `module` in a flat netlist as Yosys' write_json writes it, and
// measures its longest path: a LUT is one level; a carry chain, whatever its length, is none.
// `where` names the file in messages. Throws code::kNetlistUnreadable when the text is none, or has
// no such module, or has a loop without a register.
Netlist read_netlist(const std::string& json, const std::string& module, const std::string& where);

}  // namespace qloom::synth
