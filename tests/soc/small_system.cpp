#include "small_system.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "base/process.h"
#include "emit/emit.h"
#include "hw/fold.h"
#include "hw/random_network.h"
#include "network/execute.h"
#include "pack/stream_bytes.h"
#include "soc/system_model.h"

namespace qloom::soc {
namespace fs = std::filesystem;

SmallSystem::SmallSystem(const SmallSystemOptions& options) {
    testing::NetworkBuilder build(17);
    const auto x = build.input("x", {options.inputs}, {0, 255});
    const auto y = build.dense(x, options.outputs, {-7, 7});
    const network::Network network = build.finish({options.argmax ? build.argmax(y) : y});
    accelerator =
        hw::fold(network, {.board = hw::find_board(options.board), .target_ii = options.target_ii});

    const Tensor<std::int64_t> inputs = testing::random_inputs(network, options.frames, 5).front();
    const Tensor<std::int64_t> outputs = testing::reference_run(network, {inputs}).front();
    Tensor<float> frames(inputs.shape());
    std::ranges::transform(inputs.values(), frames.begin(),
                           [](std::int64_t value) { return static_cast<float>(value); });
    samples.frames = options.frames;
    samples.bytes = pack::stream_bytes(accelerator.inputs.front(), frames);
    const std::int64_t values = outputs.size() / options.frames;
    for (std::int64_t frame = 0; frame < options.frames; ++frame) {
        std::int64_t best = 0;
        for (std::int64_t i = 1; i < values; ++i) {
            if (outputs[frame * values + i] > outputs[frame * values + best]) best = i;
        }
        expected.push_back(values == 1 ? outputs[frame] : best);
        samples.labels.push_back(frame % 3 == 0 ? -1 : expected.back());  // some answers are wrong
    }
    static int count = 0;
    folder_ = fs::path(::testing::TempDir()) /
              ("qloom_soc_" + std::to_string(::getpid()) + "_" + std::to_string(count++));
    emit::emit(accelerator, network, folder_);
}

SmallSystem::~SmallSystem() {
    std::error_code error;
    fs::remove_all(folder_, error);
}

std::vector<emit::TextFile> SmallSystem::project(std::int64_t batch, bool print_frames) const {
    return pack::firmware_project(accelerator, accelerator.board, samples,
                                  {.batch = batch, .print_frames = print_frames});
}

RunOrder SmallSystem::order(const fs::path& elf) const {
    return {.firmware = elf,
            .model = build_system_model(folder_, accelerator, cache(), checks),
            .data = folder_ / "rtl",
            .system = {.board = accelerator.board,
                       .clock_mhz = accelerator.clock_mhz,
                       .limit_seconds = limit_seconds}};
}

Emulation SmallSystem::run(const std::vector<emit::TextFile>& project, FirmwareTools tools) const {
    return emulate(order(build_firmware(project, tools, cache()).elf), emulator(), cache());
}

fs::path SmallSystem::cache() { return fs::path(QLOOM_BINARY_DIR) / "soc-cache"; }
fs::path SmallSystem::emulator() { return fs::path(QLOOM_BINARY_DIR) / "qloom-soc"; }

std::string SmallSystem::missing() {
    if (!fs::exists(emulator())) return "qloom-soc was not built (libunicorn-dev is not installed)";
    if (!tool_exists("clang") || !tool_exists("ld.lld")) return "clang or ld.lld is not installed";
    return {};
}

std::string& file_in(std::vector<emit::TextFile>& project, const std::string& path) {
    const auto found = std::ranges::find(project, path, &emit::TextFile::path);
    if (found == project.end()) throw std::invalid_argument("no file " + path);
    return found->text;
}

void replace_in(std::vector<emit::TextFile>& project, const std::string& path,
                const std::string& from, const std::string& to) {
    std::string& text = file_in(project, path);
    const std::size_t at = text.find(from);
    if (at == std::string::npos || text.find(from, at + 1) != std::string::npos) {
        throw std::invalid_argument(path + " does not hold once: " + from);
    }
    text.replace(at, from.size(), to);
}

}  // namespace qloom::soc
