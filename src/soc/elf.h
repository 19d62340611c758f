#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/codes/soc.h"

namespace qloom::soc {

enum class Machine { kArm, kAarch64 };

// A statically linked program: what lies where, and what it is called.
struct Elf {
    struct Segment {
        std::uint64_t address = 0;        // physical
        std::vector<std::uint8_t> bytes;  // from the file
        std::uint64_t memory_bytes = 0;   // with what follows that is not in the file
        bool is_code = false;
    };
    struct Symbol {
        std::string name;
        std::uint64_t address = 0;
        std::uint64_t bytes = 0;
        bool is_function = false;
    };

    Machine machine = Machine::kArm;
    std::uint64_t entry = 0;
    std::vector<Segment> segments;
    std::vector<Symbol> symbols;  // ascending by address

    [[nodiscard]] std::optional<std::uint64_t> find(const std::string& symbol) const;
    // "0x00100a2c in ql_dma_finish", or the address alone outside of all functions.
    [[nodiscard]] std::string place(std::uint64_t address) const;
};

// Reads a little-endian ELF file of 32 or 64 bits. Throws code::kFirmwareFileBad.
Elf read_elf(const std::filesystem::path& file);

}  // namespace qloom::soc
