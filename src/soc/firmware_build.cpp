#include "soc/firmware_build.h"

#include <unistd.h>

#include <fstream>

#include <fmt/format.h>

#include "base/codes/sim.h"
#include "base/content_hash.h"
#include "base/diagnostic.h"
#include "base/process.h"

namespace qloom::soc {
namespace {

namespace fs = std::filesystem;

constexpr const char* kProgram = "build/firmware.elf";

void write_file(const fs::path& file, const std::string& text) {
    std::error_code error;
    fs::create_directories(file.parent_path(), error);
    std::ofstream stream(file, std::ios::binary);
    stream << text;
    if (!stream.flush()) {
        throw Error(code::kCacheUnwritable, file.string(), "the simulation cache cannot be written",
                    "make the folder writable, or name another one");
    }
}

std::string version_of(FirmwareTools tools) {
    const std::string compiler = tools == FirmwareTools::kClang ? "clang" : "arm-none-eabi-gcc";
    return tool_exists(compiler) ? run_tool({compiler, "--version"}).output : compiler;
}

}  // namespace

FirmwareTools find_firmware_tools(const std::string& cpu) {
    if (tool_exists("clang") && tool_exists("ld.lld")) return FirmwareTools::kClang;
    const bool has_gcc =
        cpu == "a9" ? tool_exists("arm-none-eabi-gcc")
                    : tool_exists("aarch64-none-elf-gcc") || tool_exists("aarch64-linux-gnu-gcc");
    if (has_gcc) return FirmwareTools::kGcc;
    throw Error(code::kToolMissing, tool_exists("clang") ? "ld.lld" : "clang",
                "the program is not installed",
                fmt::format("install it with: sudo apt-get install clang lld (or {})",
                            cpu == "a9" ? "gcc-arm-none-eabi" : "gcc-aarch64-linux-gnu"));
}

BuiltFirmware build_firmware(const std::vector<emit::TextFile>& project, FirmwareTools tools,
                             const fs::path& cache,
                             const std::vector<std::string>& make_arguments) {
    std::vector<std::string> command{"make",
                                     tools == FirmwareTools::kClang ? "TOOLS=clang" : "TOOLS=gcc"};
    command.insert(command.end(), make_arguments.begin(), make_arguments.end());
    ContentHash hash;
    for (const emit::TextFile& file : project) {
        hash.add(file.path);
        hash.add(file.text);
    }
    for (const std::string& argument : command) hash.add(argument);
    hash.add(version_of(tools));

    const std::string name = fmt::format("firmware-{}", hash.text());
    const fs::path folder = fs::absolute(cache) / name;
    if (fs::exists(folder / kProgram)) return {.elf = folder / kProgram, .was_there = true};

    // Built beside and moved into place whole, also beside another builder.
    const fs::path scratch = fs::absolute(cache) / fmt::format("{}.{}", name, ::getpid());
    std::error_code error;
    fs::remove_all(scratch, error);
    for (const emit::TextFile& file : project) write_file(scratch / file.path, file.text);
    const fs::path log = fs::absolute(cache) / "firmware-build.log";
    try {
        check_tool(command, {.working_directory = scratch, .log_file = log}, "make");
    } catch (...) {
        fs::remove_all(scratch, error);
        throw;
    }
    fs::rename(scratch, folder, error);
    if (error) fs::remove_all(scratch, error);  // somebody else was first
    return {.elf = folder / kProgram};
}

}  // namespace qloom::soc
