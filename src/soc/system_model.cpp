#include "soc/system_model.h"

#include <unistd.h>
#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

#include <fmt/format.h>

#include "base/codes/emit.h"
#include "base/diagnostic.h"
#include "pack/system_rtl.h"
#include "sim/verilated_model.h"

namespace qloom::soc {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

// Whole or not at all, as another process may read it.
void write_text(const fs::path& file, const std::string& text) {
    if (text_of(file) == text && fs::exists(file)) return;
    std::error_code error;
    fs::create_directories(file.parent_path(), error);
    const fs::path scratch = file.string() + fmt::format(".{}", ::getpid());
    std::ofstream stream(scratch, std::ios::binary);
    stream << text;
    stream.close();
    fs::rename(scratch, file, error);
    if (!stream || error) {
        throw Error(code::kCacheUnwritable, file.string(), "the simulation cache cannot be written",
                    "make the folder writable, or name another one");
    }
}

}  // namespace

fs::path build_system_model(const fs::path& folder, const hw::Accelerator& accelerator,
                            const fs::path& cache, bool checks) {
    const fs::path rtl = folder / "rtl";
    sim::ModelSpec spec{.sources = {}, .top = "qloom_soc", .checks = checks};
    std::vector<std::string> names;
    std::ifstream list(rtl / "files.f");
    for (std::string line; std::getline(list, line);) {
        if (!line.empty()) names.push_back(line);
    }
    if (names.empty()) {
        throw Error(code::kOutputFolderNotOurs, folder.string(),
                    "does not hold a compiled network (no rtl/files.f)",
                    "name a folder written by qloom compile");
    }
    for (const std::string& name : names) spec.sources.push_back(rtl / name);
    for (const emit::TextFile& file :
         pack::system_rtl(accelerator, accelerator.board.memory_port_bits)) {
        if (std::ranges::find(names, file.path) != names.end())
            continue;  // the accelerator has it too
        const fs::path path = cache / "system-rtl" / file.path;
        write_text(path, file.text);
        spec.sources.push_back(path);
    }
    return sim::build_model(spec, cache);
}

}  // namespace qloom::soc
