#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "soc/job.h"

namespace qloom::soc {

// A processor, its timer and UART, memory, and the verilated programmable logic, on one clock in picoseconds. Runs the
// firmware to its end; `print` hears what the UART sends.
// Throws Code::kFirmwareUnreadable, kFirmwareHangs, kFirmwareAccess, kFirmwareCache, kFirmwareUnaligned, kFirmwareFails,
// and what the simulation of the hardware throws.
RunResult run_machine(const Job& job, const std::function<void(const std::string&)>& print);

}  // namespace qloom::soc
