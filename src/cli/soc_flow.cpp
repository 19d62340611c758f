#include "cli/soc_flow.h"

#include <algorithm>
#include <chrono>

#include "base/codes/soc.h"
#include "cli/compile_flow.h"
#include "cli/firmware_output.h"
#include "cli/frames.h"
#include "cli/interrupt.h"
#include "cli/program_files.h"
#include "emit/emit.h"
#include "lower/lower.h"
#include "pack/firmware_project.h"
#include "pack/single_stream.h"
#include "pack/stream_bytes.h"
#include "soc/firmware_build.h"
#include "soc/qemu.h"
#include "soc/system_model.h"

namespace qloom::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kDefaultFrames = 100;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// The board's time that a run may take: starting, the accelerator ten times slower than it is, and
// the UART.
double limit_seconds(const hw::Accelerator& accelerator, std::int64_t frames, bool print_frames) {
    const double cycles =
        static_cast<double>(std::max(accelerator.latency_cycles, accelerator.ii_cycles)) +
        10.0 * static_cast<double>(pack::frame_bytes(accelerator.inputs.front()));
    const double characters = print_frames ? 40.0 : 8.0;
    return 1.0 + static_cast<double>(frames) *
                     (10.0 * cycles / (accelerator.clock_mhz * 1e6) + characters / 11520.0);
}

}  // namespace

SocOutcome run_soc(const SocRequest& request) {
    SocOutcome outcome;
    outcome.accelerator = emit::read_accelerator(request.folder);
    const hw::Accelerator& accelerator = outcome.accelerator;
    pack::check_single_stream(accelerator);
    const CompiledModel compiled = read_compiled_model(request.folder);
    const ir::Graph& model = compiled.model.graph;
    const DataInput data(
        model,
        data::load(request.data, {.directory = request.data_directory,
                                  .limit = request.frames.value_or(kDefaultFrames)}),
        request.scale);
    data.check_classifier();
    outcome.frames = data.size();
    outcome.input_scale = data.scale_text();

    const lower::Engine engine(lower::lower(model, compiled.options));
    const std::vector<ir::Value> inputs = data.frames(0, data.size());
    const std::vector<network::Frames> integers = engine.to_integers(inputs);
    const std::vector<network::Frames> results = engine.run_network(integers);
    outcome.expected = labels_of(engine.to_outputs(results, inputs).front());

    pack::FirmwareSamples samples{
        .frames = data.size(),
        .bytes = pack::stream_bytes(accelerator.inputs.front(), integers.front())};
    samples.labels.assign(data.dataset().labels.begin(), data.dataset().labels.end());
    pack::FirmwareOptions options{.batch = request.batch, .print_frames = request.print_frames};
    set_output_meaning(engine.lowered(), options);
    const std::vector<emit::TextFile> project =
        pack::firmware_project(accelerator, accelerator.board, samples, options);

    const std::filesystem::path cache = request.folder / "sim";
    const auto begin_stage = [&](const char* name) {
        check_interrupted();
        if (request.on_stage) request.on_stage(name);
    };
    const auto build_start = Clock::now();
    begin_stage("firmware");
    const soc::BuiltFirmware firmware = soc::build_firmware(
        project, soc::find_firmware_tools(pack::firmware_cpu(accelerator.board)), cache);
    begin_stage("simulator");
    const soc::RunOrder order{.firmware = firmware.elf,
                              .model = soc::build_system_model(request.folder, accelerator, cache),
                              .data = request.folder / "rtl",
                              .system = {.board = accelerator.board,
                                         .clock_mhz = accelerator.clock_mhz,
                                         .limit_seconds = request.timeout.value_or(limit_seconds(
                                             accelerator, data.size(), request.print_frames))}};
    outcome.build_seconds = seconds_since(build_start);

    begin_stage("run");
    const auto run_start = Clock::now();
    const soc::Emulation run =
        request.cpu == SocCpu::kQemu
            ? soc::run_on_qemu(order, cache, request.on_uart)
            : soc::emulate(order, file_beside_program("qloom-soc"), cache, request.on_uart);
    outcome.run_seconds = seconds_since(run_start);
    check_interrupted();
    outcome.system = run.result;
    outcome.report = soc::read_report(run.uart, data.size());

    for (std::size_t i = 0; i < outcome.expected.size(); ++i) {
        if (outcome.report.labels[i] == outcome.expected[i]) {
            ++outcome.labels_equal;
        } else if (!outcome.first_difference) {
            outcome.first_difference = static_cast<std::int64_t>(i);
        }
    }
    outcome.accuracy = static_cast<double>(data.count_correct(outcome.report.labels, 0)) /
                       static_cast<double>(data.size());
    return outcome;
}

}  // namespace qloom::cli
