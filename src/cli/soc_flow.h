#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/data_input.h"
#include "hw/accelerator.h"
#include "soc/emulate.h"
#include "soc/firmware_report.h"

// Compiled folder + labelled images -> the firmware, built and run on an emulated board, and its
// labels compared with the integer engine's. No printing here.
namespace qloom::cli {

enum class SocCpu { kUnicorn, kQemu };
constexpr const char* kSocCpuNames[] = {"unicorn", "qemu"};

struct SocRequest {
    std::filesystem::path folder;
    std::string data = {};
    std::optional<std::int64_t> frames = {};
    ScaleChoice scale = ScaleChoice::kAuto;
    std::string data_directory = {};
    std::int64_t batch = 100;  // frames a transfer
    bool print_frames = false;
    SocCpu cpu = SocCpu::kUnicorn;
    std::optional<double> timeout =
        {};  // seconds of the board's time; else by the number of frames
    // What is being done now: "firmware", "simulator", "run".
    std::function<void(const std::string& stage)> on_stage = {};
    std::function<void(std::string_view text)> on_uart = {};
};

struct SocOutcome {
    hw::Accelerator accelerator;
    soc::SystemResult system;
    soc::FirmwareReport report;
    std::int64_t frames = 0;
    std::int64_t labels_equal = 0;                      // with the integer engine
    std::optional<std::int64_t> first_difference = {};  // frame
    std::vector<std::int64_t> expected;                 // labels of the integer engine
    double accuracy = 0.0;
    std::string input_scale;
    double build_seconds = 0.0;
    double run_seconds = 0.0;
};

SocOutcome run_soc(const SocRequest& request);

}  // namespace qloom::cli
