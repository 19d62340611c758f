#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace qloom::soc {

struct Segment {
    std::uint64_t address = 0;  // physical
    std::vector<std::uint8_t> bytes;   // as long as in memory; past the file's part zero
    std::uint64_t file_bytes = 0;
    bool is_code = false;
};

// What a simulator needs of a 32- or 64-bit little-endian ELF program.
struct Elf {
    bool is_64 = false;
    std::uint64_t entry = 0;
    std::vector<Segment> segments;
    std::map<std::string, std::uint64_t> symbols;      // global ones and functions
    std::map<std::uint64_t, std::string> functions;    // by address

    // "name+0x12" of the function around an address, "?" before the first.
    [[nodiscard]] std::string place(std::uint64_t address) const;
};

// Throws Code::kFirmwareUnreadable.
Elf read_elf(const std::filesystem::path& file);

}  // namespace qloom::soc
