#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/codes/base.h"
#include "emit/emit.h"

namespace qloom::soc {

enum class FirmwareTools { kClang, kGcc };

// What is installed for this processor ("a9" or "a53"): clang and lld, else GCC. Throws
// code::kToolMissing, naming the packages.
FirmwareTools find_firmware_tools(const std::string& cpu);

struct BuiltFirmware {
    std::filesystem::path elf;
    bool was_there = false;  // found in the cache
};

// Builds a project of pack::firmware_project() with its own Makefile, or finds the program that the
// same text made before: the folder's name in the cache is a hash of all files, arguments and the
// compiler. Throws code::kToolMissing, and code::kToolFailed with make's last lines and its log,
// which stays in the cache.
BuiltFirmware build_firmware(const std::vector<emit::TextFile>& project, FirmwareTools tools,
                             const std::filesystem::path& cache,
                             const std::vector<std::string>& make_arguments = {});

}  // namespace qloom::soc
