#include "sim/simulate.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <span>

#include <fmt/format.h>

#include "base/codes/emit.h"
#include "base/codes/sim.h"
#include "base/diagnostic.h"
#include "emit/emit.h"
#include "sim/beats.h"
#include "sim/stream_harness.h"
#include "sim/verilated_model.h"

namespace qloom::sim {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

// A waveform of more frames is too large to look at.
constexpr std::int64_t kTracedFrames = 3;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

std::vector<fs::path> sources_of(const fs::path& rtl) {
    std::ifstream list(rtl / "files.f");
    std::vector<fs::path> sources;
    for (std::string line; std::getline(list, line);) {
        if (!line.empty()) sources.push_back(rtl / line);
    }
    if (sources.empty()) {
        throw Error(code::kOutputFolderNotOurs, rtl.parent_path().string(),
                    "does not hold a compiled network (no rtl/files.f)",
                    "name a folder written by qloom compile");
    }
    return sources;
}

std::int64_t check_inputs(const hw::Accelerator& accelerator,
                          const std::vector<network::Frames>& inputs) {
    constexpr const char* kAdvice =
        "give whole frames of the network's input shape, as many for every input";
    if (inputs.size() != accelerator.inputs.size()) {
        throw Error(code::kSimulationInput, "inputs",
                    fmt::format("{} given, and the accelerator has {}", inputs.size(),
                                accelerator.inputs.size()),
                    kAdvice);
    }
    std::int64_t frames = -1;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const Shape& shape = std::visit(
            [](const auto& tensor) -> const Shape& { return tensor.shape(); }, inputs[i]);
        const hw::Port& port = accelerator.inputs[i];
        const std::int64_t count = shape.empty() ? 0 : shape.front();
        if (count == 0 || element_count(shape) != count * port.elements) {
            throw Error(code::kSimulationInput, "input " + port.stream,
                        fmt::format("has the shape {}, and a frame has {} elements",
                                    shape_text(shape), port.elements),
                        kAdvice);
        }
        if (frames >= 0 && count != frames) {
            throw Error(code::kSimulationInput, "input " + port.stream,
                        fmt::format("has {} frames, and the input before it {}", count, frames),
                        kAdvice);
        }
        frames = count;
    }
    return frames;
}

int percent(double probability) { return static_cast<int>(std::lround(100.0 * probability)); }

// The first `frames` frames through the model.
RunRecord run_frames(const hw::Accelerator& accelerator, StreamHarness& harness,
                     const std::vector<std::vector<std::uint32_t>>& packed, std::int64_t frames,
                     const SimulateOptions& options) {
    std::vector<Source> sources;
    for (std::size_t i = 0; i < accelerator.inputs.size(); ++i) {
        const hw::Port& port = accelerator.inputs[i];
        const std::int64_t words = frames * port.beats * ((port.data_bits + 31) / 32);
        sources.push_back({.stream = {.prefix = port.name},
                           .words = std::span(packed[i]).first(static_cast<std::size_t>(words)),
                           .idle_percent = percent(options.idle)});
    }
    std::vector<Sink> sinks;
    for (const hw::Port& port : accelerator.outputs) {
        sinks.push_back({.stream = {.prefix = port.name},
                         .beats = static_cast<std::size_t>(frames * port.beats),
                         .stall_percent = percent(options.back_pressure)});
    }
    RunOptions run;
    run.seed = options.seed;
    run.stuck_after_cycles = static_cast<std::uint64_t>(
        1000 + 20 * std::max(accelerator.ii_cycles, accelerator.latency_cycles));
    if (options.progress) {
        const auto beats = static_cast<std::uint64_t>(accelerator.outputs.front().beats);
        run.progress_cycles = 16384;
        run.progress = [&options, beats, frames](std::uint64_t, std::size_t done) {
            options.progress("simulate", static_cast<std::int64_t>(done / beats), frames);
        };
    }
    return harness.run(sources, sinks, run);
}

// Cycle in which the last beat of each frame left.
std::vector<std::uint64_t> frame_ends(const hw::Accelerator& accelerator, const RunRecord& record,
                                      std::int64_t frames) {
    std::vector<std::uint64_t> ends(static_cast<std::size_t>(frames), 0);
    for (std::size_t i = 0; i < record.sinks.size(); ++i) {
        const auto beats = static_cast<std::size_t>(accelerator.outputs[i].beats);
        for (std::size_t frame = 0; frame < ends.size(); ++frame) {
            ends[frame] = std::max(ends[frame], record.sinks[i].cycles[(frame + 1) * beats - 1]);
        }
    }
    return ends;
}

// TLAST must stand on the last beat of every frame and nowhere else.
void check_last(const hw::Accelerator& accelerator, const RunRecord& record) {
    for (std::size_t i = 0; i < record.sinks.size(); ++i) {
        const auto beats = static_cast<std::size_t>(accelerator.outputs[i].beats);
        const std::vector<bool>& last = record.sinks[i].last;
        for (std::size_t beat = 0; beat < last.size(); ++beat) {
            if (last[beat] == (beat % beats == beats - 1)) continue;
            throw Error(code::kHardwareCheckFailed, accelerator.outputs[i].name,
                        fmt::format("tlast is wrong on beat {}", beat),
                        "report it with the model that shows it");
        }
    }
}

}  // namespace

SimulateResult simulate(const fs::path& dir, const std::vector<network::Frames>& inputs,
                        const SimulateOptions& options) {
    const hw::Accelerator accelerator = emit::read_accelerator(dir);
    SimulateResult result;
    result.frames = check_inputs(accelerator, inputs);

    const fs::path rtl = dir / "rtl";
    const fs::path cache = options.cache.empty() ? dir / "sim" : options.cache;
    ModelSpec spec{.sources = sources_of(rtl), .top = "qloom_top"};
    spec.checks = options.checks;
    const auto build_start = Clock::now();
    if (options.progress) options.progress("build", 0, 1);
    VerilatedModel model = VerilatedModel::make(spec, cache, rtl, options.seed);
    if (options.progress) options.progress("build", 1, 1);
    result.build_seconds = seconds_since(build_start);

    std::vector<std::vector<std::uint32_t>> packed;
    for (std::size_t i = 0; i < inputs.size(); ++i)
        packed.push_back(pack_beats(accelerator.inputs[i], inputs[i]));

    if (!options.vcd.empty()) {
        spec.trace = true;
        VerilatedModel traced = VerilatedModel::make(spec, cache, rtl, options.seed);
        StreamHarness harness(traced);
        harness.open_trace(options.vcd);
        harness.reset();
        SimulateOptions quiet = options;
        quiet.progress = {};
        run_frames(accelerator, harness, packed, std::min(result.frames, kTracedFrames), quiet);
        harness.close_trace();
    }

    const auto run_start = Clock::now();
    StreamHarness harness(model);
    harness.reset();
    const RunRecord record = run_frames(accelerator, harness, packed, result.frames, options);
    result.run_seconds = seconds_since(run_start);
    result.cycles = static_cast<std::int64_t>(record.cycles);
    check_last(accelerator, record);

    for (std::size_t i = 0; i < accelerator.outputs.size(); ++i) {
        result.outputs.push_back(
            unpack_beats(accelerator.outputs[i], record.sinks[i].words, result.frames));
    }
    std::uint64_t first_accept = record.sources.front().cycles.front();
    for (const SourceRecord& source : record.sources)
        first_accept = std::min(first_accept, source.cycles.front());
    const std::vector<std::uint64_t> ends = frame_ends(accelerator, record, result.frames);
    result.latency_cycles = static_cast<std::int64_t>(ends.front() - first_accept);
    if (ends.size() >= 2) {
        const std::size_t middle = std::min(ends.size() / 2, ends.size() - 2);
        const auto cycles = static_cast<double>(ends.back() - ends[middle]);
        result.ii_cycles = static_cast<std::int64_t>(
            std::ceil(cycles / static_cast<double>(ends.size() - 1 - middle) - 1e-6));
    }
    return result;
}

}  // namespace qloom::sim
