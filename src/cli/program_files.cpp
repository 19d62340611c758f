#include "cli/program_files.h"

#include <utility>

namespace qloom::cli {
namespace {

std::filesystem::path& given_folder() {
    static std::filesystem::path folder;
    return folder;
}

}  // namespace

void set_program_folder(std::filesystem::path folder) { given_folder() = std::move(folder); }

std::filesystem::path file_beside_program(const std::string& name) {
    std::error_code error;
    const std::filesystem::path folder =
        given_folder().empty() ? std::filesystem::read_symlink("/proc/self/exe", error).parent_path() : given_folder();
    const std::filesystem::path beside = folder / name;
    const std::filesystem::path installed = folder / "../lib/qloom" / name;
    return !std::filesystem::exists(beside) && std::filesystem::exists(installed) ? installed : beside;
}

}  // namespace qloom::cli
