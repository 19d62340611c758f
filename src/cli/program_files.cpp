#include "cli/program_files.h"

namespace qloom::cli {

std::filesystem::path file_beside_program(const std::string& name) {
    std::error_code error;
    const std::filesystem::path folder =
        std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
    const std::filesystem::path beside = folder / name;
    const std::filesystem::path installed = folder / "../lib/qloom" / name;
    return !std::filesystem::exists(beside) && std::filesystem::exists(installed) ? installed
                                                                                  : beside;
}

}  // namespace qloom::cli
