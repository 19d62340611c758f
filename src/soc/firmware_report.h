#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/codes/soc.h"

namespace qloom::soc {

// What the firmware says on the UART, as numbers.
struct FirmwareReport {
    std::vector<std::int64_t> labels;  // one a frame
    std::int64_t batch = 0;            // frames a transfer
    std::int64_t right = -1;           // of the samples' labels; -1: it has none
    std::int64_t microseconds =
        0;  // from the first transfer's begin to the last result, by the board's timer
    std::int64_t fps = 0;
};

// Reads the output of firmware/main.c, whichever way it prints its labels. Throws
// code::kFirmwareOutputBad when something is missing.
FirmwareReport read_report(const std::string& uart_text, std::int64_t frames);

// The last line that begins with "error: ", without that; "" when there is none.
std::string reported_error(const std::string& uart_text);

}  // namespace qloom::soc
