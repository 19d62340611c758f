#pragma once

#include <filesystem>
#include <functional>
#include <string_view>

#include "base/codes/base.h"
#include "base/codes/soc.h"
#include "soc/emulate.h"

namespace qloom::soc {

// The same order on QEMU (xilinx-zynq-a9, xlnx-zcu102): another emulator of the processor, with its
// own UART, timers and MMU. QEMU's memory is shared with the verilated model; accesses to the DMA's
// registers stop QEMU through its debugger interface and are served from here. Without caches, and
// without a common time: while the program waits for the DMA the logic runs as far as it takes.
//
//   QEMU --(GDB remote protocol: watched accesses)--> Fabric --(m_axi)--> memory <--(mapped)-- QEMU
//
// Throws code::kToolMissing without QEMU, code::kFirmwareHangs, code::kFirmwareFailed,
// code::kProcessorException.
Emulation run_on_qemu(const RunOrder& order, const std::filesystem::path& scratch,
                      const std::function<void(std::string_view)>& uart = {});

}  // namespace qloom::soc
