#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "hw/accelerator.h"
#include "network/network.h"
#include "pack/firmware_project.h"
#include "soc/emulate.h"
#include "soc/firmware_build.h"

// A small network on a board, with frames and the labels that obvious loops compute for them.
namespace qloom::soc {

struct SmallSystemOptions {
    std::string board = "pynq-z1";
    std::int64_t inputs = 12;  // elements of 8 bits
    std::int64_t outputs = 5;
    std::int64_t target_ii = 12;
    std::int64_t frames = 10;
    bool argmax = true;  // else the values themselves come out
};

class SmallSystem {
public:
    explicit SmallSystem(const SmallSystemOptions& options = {});
    ~SmallSystem();
    SmallSystem(const SmallSystem&) = delete;
    SmallSystem& operator=(const SmallSystem&) = delete;

    // The firmware's sources, to be changed by those who plant faults in them.
    [[nodiscard]] std::vector<emit::TextFile> project(std::int64_t batch,
                                                      bool print_frames = false) const;
    // Builds and runs it.
    Emulation run(const std::vector<emit::TextFile>& project,
                  FirmwareTools tools = FirmwareTools::kClang) const;
    [[nodiscard]] RunOrder order(const std::filesystem::path& elf) const;

    hw::Accelerator accelerator;
    pack::FirmwareSamples samples;
    std::vector<std::int64_t> expected;  // labels
    double limit_seconds = 1.0;
    bool checks = true;  // with the hardware's own assertions

    static std::filesystem::path cache();
    static std::filesystem::path emulator();
    // Why systems cannot run here; "" when they can.
    static std::string missing();

private:
    std::filesystem::path folder_;
};

// The file of that path in a project.
std::string& file_in(std::vector<emit::TextFile>& project, const std::string& path);
// Replaces text that must be there, once.
void replace_in(std::vector<emit::TextFile>& project, const std::string& path,
                const std::string& from, const std::string& to);

}  // namespace qloom::soc
