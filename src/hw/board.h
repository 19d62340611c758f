#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/codes/hw.h"

// Boards as data: boards/*.toml of the repository are compiled in, and a user adds a board by
// writing such a file and naming it by path.
namespace qloom::hw {

enum class ProcessingSystem { kNone, kZynq7000, kZynqUltraScale };

struct Board {
    std::string name;   // "pynq-z1"
    std::string title;  // "Digilent PYNQ-Z1"
    std::string part;   // "xc7z020clg400-1"
    std::int64_t luts = 0;
    std::int64_t ffs = 0;
    std::int64_t bram36 = 0;
    std::int64_t dsps = 0;
    std::int64_t uram = 0;
    double clock_mhz = 100.0;  // default clock of the accelerator
    ProcessingSystem processing_system = ProcessingSystem::kNone;
    std::string board_part;  // the vendor's board files, "" when there are none
    std::uint64_t uart_base =
        0;  // the processing system's UART that the board wires to its USB socket
    std::uint64_t dma_base = 0;     // where the packaged design puts the DMA's registers
    std::uint64_t memory_base = 0;  // DDR as the DMA sees it
    std::uint64_t memory_bytes = 0;
    int memory_port_bits = 64;  // width of the port through which the DMA reaches DDR
    double cpu_mhz = 0.0;       // clock of the processor; 0 where there is none

    friend bool operator==(const Board&, const Board&) = default;
};

// "none", "zynq-7000", "zynq-ultrascale+".
std::string_view processing_system_name(ProcessingSystem system);

// The compiled-in boards, sorted by name.
const std::vector<Board>& built_in_boards();

// Parses the TOML text of a board; `where` names it in messages. Throws code::kBoardFileBad.
Board parse_board(std::string_view toml, const std::string& where);

// A compiled-in board by name, or a board file by path (anything with a '/' or ending in ".toml").
// Throws code::kBoardUnknown (with did-you-mean) or code::kBoardFileBad.
Board find_board(const std::string& name_or_path);

}  // namespace qloom::hw
