#pragma once

#include <cstdint>
#include <optional>

#include "soc/elf.h"

namespace qloom::soc {

// A load or store of one 32-bit word, taken apart far enough to be done by somebody else who knows
// its address.
struct LoadStore {
    bool is_load = false;
    unsigned data = 0;         // register that is loaded or stored
    bool writes_base = false;  // the base register changes too:
    unsigned base = 0;
    std::int64_t base_change = 0;  // added to the address of the access gives its new value

    friend bool operator==(const LoadStore&, const LoadStore&) = default;
};

// LDR and STR of a word, as compilers make them for registers of devices: A32 with an immediate or
// a register as offset, A64 likewise. Nothing for every other instruction. Forms that change the
// base register are known with immediate offsets only.
std::optional<LoadStore> decode_load_store(Machine machine, std::uint32_t instruction);

}  // namespace qloom::soc
