#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/codes/emit.h"
#include "base/codes/hw.h"
#include "hw/accelerator.h"
#include "network/network.h"

// Accelerator -> files:
//   DIR/rtl/qloom_top.sv, the library modules beside it, rtl/mem/*.mem, rtl/files.f
//   DIR/folding.json  report.json  report.txt  accelerator.json
// Deterministic bytes; nothing in them names a machine, a path outside DIR or a time. DIR can be
// moved.
namespace qloom::emit {

struct TextFile {
    std::string path;  // relative to the output folder
    std::string text;
    friend bool operator==(const TextFile&, const TextFile&) = default;
};

// Everything emit writes, in memory, sorted by path.
std::vector<TextFile> generate(const hw::Accelerator& accelerator, const network::Network& network);

// The report as a person reads it (report.txt).
std::string report_text(const hw::Accelerator& accelerator, const network::Network& network);

// Writes generate() and `more` (say the model itself; wins over an equal path) to `out`, which
// appears whole or not at all (base/output_folder.h says what happens to an existing one).
void emit(const hw::Accelerator& accelerator, const network::Network& network,
          const std::filesystem::path& out, const std::vector<TextFile>& more = {});

// Subfolders that survive a new write: caches whose entries are named by what they were made of.
std::vector<std::string> kept_folders();

// Writes files to `out`, which appears whole or not at all; on equal paths `more` wins over `files`.
void write_folder(const std::vector<TextFile>& files, const std::filesystem::path& out,
                  const std::vector<TextFile>& more = {});

// Reads DIR/accelerator.json. Throws code::kOutputFolderNotOurs or code::kAcceleratorFileBad.
hw::Accelerator read_accelerator(const std::filesystem::path& dir);

}  // namespace qloom::emit
