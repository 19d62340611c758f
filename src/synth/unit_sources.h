#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "hw/accelerator.h"

namespace qloom::synth {

// What one unit of a compiled folder is made of, without its name: two units of equal sources are
// the same hardware.
struct UnitSources {
    std::string module;  // "ql_threshold"
    std::vector<std::filesystem::path>
        files;  // of the RTL library, those it needs, in the order of rtl/files.f
    std::vector<std::pair<std::string, std::string>> parameters;  // as Yosys' chparam takes them
    std::vector<std::pair<std::string, std::filesystem::path>>
        memories;  // name it reads (without folder), file

    // Hash of all text.
    [[nodiscard]] std::string text_hash() const;
};

// `rtl` is DIR/rtl of a compiled folder. Throws code::kOutputFolderNotOurs without rtl/files.f.
std::vector<UnitSources> unit_sources(const hw::Accelerator& accelerator,
                                      const std::filesystem::path& rtl);

// The whole text of a file. Throws sim's code::kSourceUnreadable.
std::string read_source(const std::filesystem::path& file);

}  // namespace qloom::synth
