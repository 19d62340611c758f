#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/codes/pack.h"
#include "emit/emit.h"
#include "hw/accelerator.h"

// ice40/: the accelerator at the serial line of a board with an iCE40, for Yosys and nextpnr.
//
//   qloom_board: clock, reset, pins
//     qloom_uart:  rx --> ql_link --> [gearbox] --> qloom_top --> [gearbox] --> ql_link --> tx
//
// board.pcf has the pins, Makefile the three commands of the tools, link.json what a host must
// know.
namespace qloom::pack {

// What a host must know to speak with the board.
struct SerialLink {
    std::string board;
    std::int64_t baud = 0;
    std::int64_t frame_bytes = 0;
    std::int64_t result_bytes = 0;
    std::uint32_t design = 0;  // names the RTL; the board says it when asked
    double clock_mhz = 0.0;
    std::int64_t latency_cycles = 0;
    friend bool operator==(const SerialLink&, const SerialLink&) = default;
};
std::string link_text(const SerialLink& link);
// Nothing when the text is no link.json.
std::optional<SerialLink> link_from(const std::string& text);

// SB_PLL40's settings with simple feedback: out = in / (divr + 1) * (divf + 1) / 2^divq.
struct PllSettings {
    int divr = 0;
    int divf = 0;
    int divq = 0;
    int filter_range = 0;
    friend bool operator==(const PllSettings&, const PllSettings&) = default;
};
// Nothing when the PLL does not reach exactly this clock.
std::optional<PllSettings> pll_settings(double in_mhz, double out_mhz);

// Clocks a bit of the UART.
int clocks_per_bit(double clock_mhz, std::int64_t baud);

// `rtl` are the files of rtl/ (emit::generate()). The accelerator has one input and one output
// stream, the board an iCE40. Throws code::kSerialClockBad.
std::vector<emit::TextFile> serial_board_files(const hw::Accelerator& accelerator,
                                               const hw::Board& board,
                                               const std::vector<emit::TextFile>& rtl);

}  // namespace qloom::pack
