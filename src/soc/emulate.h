#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "base/codes/soc.h"
#include "soc/run_record.h"

namespace qloom::soc {

struct Emulation {
    SystemResult result;
    std::string uart;  // all that was sent, lines ended by \n
};

// Throws code::kFirmwareFailed, with the firmware's last message, unless it ended with 0.
void check_exit(const Emulation& emulation);

// Runs an order on the program qloom-soc. `uart` hears what is sent as it comes. `scratch` is a
// folder for the files between the two programs. Throws code::kEmulatorMissing when there is no
// such program, code::kFirmwareFailed when the firmware ends with an error of its own, and
// everything that System::run throws.
Emulation emulate(const RunOrder& order, const std::filesystem::path& emulator,
                  const std::filesystem::path& scratch,
                  const std::function<void(std::string_view)>& uart = {});

}  // namespace qloom::soc
