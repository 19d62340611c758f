#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/codes/hw.h"

// Boards as data: boards/*.toml of the repository are compiled in, and a user adds a board by
// writing such a file and naming it by path.
namespace qloom::hw {

enum class ProcessingSystem { kNone, kZynq7000, kZynqUltraScale };

// An iCE40 with a UART at the board's USB socket: netlist to bitstream with open tools.
struct Ice40Board {
    std::string device;             // as nextpnr-ice40 calls it: "hx8k"
    std::string package;            // "ct256"
    std::int64_t ram4k = 0;         // memories of 4 Kbit
    double oscillator_mhz = 12.0;   // at the clock pin
    bool clock_pin_is_pll = false;  // the pin can only enter through the PLL's own pad
    std::int64_t baud = 3000000;    // of the UART
    std::string clock_pin;
    std::string rx_pin;  // into the FPGA
    std::string tx_pin;
    std::string led_pin;

    friend bool operator==(const Ice40Board&, const Ice40Board&) = default;
};

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
    std::optional<Ice40Board> ice40 = {};

    // Whether the cost model, which counts LUTs with six inputs and blocks of 36 Kbit, speaks about
    // it.
    [[nodiscard]] bool has_estimates() const { return !ice40; }

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
