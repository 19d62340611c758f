#include "pack/package.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/diagnostic.h"
#include "pack/drivers.h"
#include "pack/embedded_deploy.h"
#include "pack/ip.h"
#include "pack/serial_board.h"
#include "pack/stream_bytes.h"
#include "pack/system_rtl.h"
#include "pack/vivado.h"

namespace qloom::pack {
namespace {

using emit::TextFile;

constexpr std::int64_t kMostSampleValues = std::int64_t{1} << 25;
constexpr std::int64_t kMadeUpValues = std::int64_t{1} << 20;

// Of all inputs and outputs.
std::int64_t values_a_frame(const hw::Accelerator& accelerator) {
    std::int64_t values = 1;
    for (const auto* side : {&accelerator.inputs, &accelerator.outputs}) {
        for (const hw::Port& port : *side) values += port.elements;
    }
    return values;
}

std::int64_t frames_of(const network::Frames& frames) {
    return std::visit([](const auto& tensor) { return tensor.dim(0); }, frames);
}

void append(std::vector<TextFile>& files, std::vector<TextFile> more) {
    std::ranges::move(more, std::back_inserter(files));
}

// system/: the same with Qloom's own DMA, for FPGAs and tools without a vendor's; its files.f names
// the accelerator's too.
std::vector<TextFile> system_files(const hw::Accelerator& accelerator, const StreamPlan& plan,
                                   const std::vector<TextFile>& rtl) {
    std::vector<TextFile> files;
    std::string list = std::ranges::find(rtl, "rtl/files.f", &TextFile::path)->text;
    for (std::size_t at = 0; at < list.size(); at = list.find('\n', at) + 1)
        list.insert(at, "../rtl/");
    for (TextFile& file : system_rtl(accelerator, plan.memory_bits)) {
        const std::string name = file.path.substr(file.path.rfind('/') + 1);
        if (list.find("/" + name + "\n") != std::string::npos)
            continue;  // the accelerator has it too
        list += name + "\n";
        files.push_back({"system/" + name, std::move(file.text)});
    }
    files.push_back({"system/files.f", list});
    return files;
}

}  // namespace

std::string_view deploy_file(const std::vector<EmbeddedFile>& files, std::string_view name) {
    const auto found = std::ranges::find(files, name, &EmbeddedFile::name);
    QLOOM_ASSERT(found != files.end(), "the file is compiled in");
    return found->text;
}

std::string excess(const hw::Accelerator& accelerator, const hw::Board& board) {
    struct Need {
        const char* what;
        double used;
        std::int64_t available;
    };
    if (!board.has_estimates()) return "";
    const hw::Resources total = accelerator.total();
    const std::array<Need, 4> needs{{{"LUTs", total.luts, board.luts},
                                     {"flip-flops", total.ffs, board.ffs},
                                     {"BRAM36", total.bram36, board.bram36},
                                     {"DSPs", total.dsps, board.dsps}}};
    std::vector<std::string> parts;
    for (const Need& need : needs) {
        const auto available = static_cast<double>(need.available);
        if (need.used <= available) continue;
        parts.push_back(
            fmt::format("{:.0f} {} of {} ({:.0f} % too many)", need.used, need.what, need.available,
                        available > 0.0 ? 100.0 * (need.used / available - 1.0) : 100.0));
    }
    return parts.empty() ? "" : fmt::format("needs {}", fmt::join(parts, ", "));
}

void check_size(const hw::Accelerator& accelerator, const hw::Board& board,
                const std::string& target) {
    const std::string too_much = excess(accelerator, board);
    if (too_much.empty()) return;
    throw Error(code::kTooBigForBoard, board.name, "the accelerator " + too_much, target);
}

std::int64_t made_up_sample_count(const hw::Accelerator& accelerator) {
    return std::clamp<std::int64_t>(kMadeUpValues / values_a_frame(accelerator), 1, 16);
}

void check_sample_count(const hw::Accelerator& accelerator, std::int64_t frames) {
    const std::int64_t values = values_a_frame(accelerator);
    const std::int64_t most = std::max<std::int64_t>(1, kMostSampleValues / values);
    if (frames <= most) return;
    throw Error(
        code::kSamplesTooMany, "samples",
        fmt::format("{} frames are more than the {} that a package for this network carries",
                    frames, most),
        fmt::format("take at most {} frames; the drivers take any number at run time", most));
}

Package make_package(const hw::Accelerator& accelerator, const hw::Board& board,
                     const lower::Lowered& lowered, const std::vector<TextFile>& rtl,
                     const Samples& samples, const PackageOptions& options) {
    Package package;
    if (board.ice40) {
        if (fits_one_dma(accelerator)) {
            package.files = serial_board_files(accelerator, board, rtl);
        } else {
            package.notes.push_back(fmt::format(
                "nothing is packaged: the accelerator has {} input and {} output streams, and the "
                "serial line carries one of each",
                accelerator.inputs.size(), accelerator.outputs.size()));
        }
        return package;
    }
    if (!fits_one_dma(accelerator)) {
        package.notes.push_back(
            fmt::format("only ip/ is packaged: the accelerator has {} input and {} output streams, "
                        "and the systems around it "
                        "have one DMA",
                        accelerator.inputs.size(), accelerator.outputs.size()));
        package.files = ip_files(accelerator, std::nullopt, rtl);
        return package;
    }
    const StreamPlan plan = plan_streams(accelerator, board);
    package.files = ip_files(accelerator, plan, rtl);
    if (board.processing_system == hw::ProcessingSystem::kNone) {
        package.notes.push_back(
            fmt::format("only ip/ is packaged: the board {} has no processor", board.name));
        return package;
    }
    append(package.files, system_files(accelerator, plan, rtl));
    const HostView view = host_view(lowered);
    package.notes = view.notes();
    if (accelerator.outputs.front().elements > 1 && options.output.scale.empty() &&
        !view.integers_compare_alike()) {
        package.notes.emplace_back(
            "the bare-metal programs take the largest integer for the label, and the model's "
            "outputs have "
            "scales or biases of their own: compile with --postprocess argmax for the model's "
            "labels");
    }
    const DriverFacts facts{&accelerator, &board, &plan, &view};
    package.files.push_back({"vivado/build.tcl", vivado_script(accelerator, board, plan)});
    append(package.files, pynq_files(facts, samples));
    append(package.files, linux_files(facts, samples));
    const std::int64_t frames = frames_of(samples.inputs);
    const std::int64_t most = plan.max_bytes() / std::max(plan.input_bytes, plan.output_bytes);
    const FirmwareSamples in_program{
        .frames = frames,
        .bytes = stream_bytes(accelerator.inputs.front(), samples.inputs),
        .labels = samples.labels};
    for (TextFile& file : firmware_project(
             accelerator, board, in_program,
             {.batch = std::max<std::int64_t>(1, std::min({options.batch, frames, most})),
             .output = options.output})) {
        package.files.push_back({"firmware/" + file.path, std::move(file.text)});
    }
    append(package.files, vitis_files());
    std::ranges::sort(package.files, {}, &TextFile::path);
    return package;
}

}  // namespace qloom::pack
