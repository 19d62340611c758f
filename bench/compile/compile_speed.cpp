// How long a compile takes, stage by stage, and how much memory: of a model file, or of MobileNet-v1
// with random 4-bit weights on images of SIZE x SIZE, made here.
//
//   bench_compile_speed MODEL.onnx BOARD II
//   bench_compile_speed mobilenet[:SIZE] BOARD II [FILE.onnx]     FILE: where to leave the model
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/diagnostic.h"
#include "cli/compile_flow.h"
#include "emit/emit.h"
#include "hw/fold.h"
#include "ir/tidy.h"
#include "lower/lower.h"
#include "mobilenet.h"
#include "onnx/reader.h"
#include "onnx/writer.h"

namespace {

using Clock = std::chrono::steady_clock;

double cpu_seconds(const rusage& usage) {
    return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

// Prints the time since the last call.
class Stages {
public:
    void done(const char* what) {
        rusage usage{};
        getrusage(RUSAGE_SELF, &usage);
        const double wall = std::chrono::duration<double>(Clock::now() - start_).count();
        std::printf("%-28s %7.2f s  %7.2f s of processor  peak %5ld MB\n", what, wall - wall_,
                    cpu_seconds(usage) - cpu_, usage.ru_maxrss / 1024);
        std::fflush(stdout);
        wall_ = wall;
        cpu_ = cpu_seconds(usage);
    }

private:
    Clock::time_point start_ = Clock::now();
    double wall_ = 0.0;
    double cpu_ = 0.0;
};

}  // namespace

int main(int argc, char** argv) try {
    using namespace qloom;
    if (argc < 4) {
        std::fprintf(stderr, "usage: bench_compile_speed MODEL.onnx|mobilenet[:SIZE] BOARD II [FILE]\n");
        return 2;
    }
    const std::string what = argv[1];
    Stages stages;
    ir::Graph model;
    if (what.starts_with("mobilenet")) {
        const auto colon = what.find(':');
        const std::int64_t size =
            colon == std::string::npos ? 224 : std::atoll(what.c_str() + colon + 1);
        const std::string bytes = onnx::serialise_model(bench::mobilenet_v1(size, 1));
        if (argc > 4) onnx::write_model(bench::mobilenet_v1(size, 1), argv[4]);
        stages.done("make the model");
        model = onnx::parse_model(bytes, "mobilenet");
    } else {
        model = onnx::read_model(what);
    }
    model = ir::tidy(std::move(model));
    stages.done("read");
    const lower::LowerOptions options;
    const lower::Engine engine(lower::lower(model, options));
    stages.done("lower");
    const auto samples = cli::made_up_frames(model, engine.lowered(), 16);
    const auto check = lower::self_check(lower::prepared(model, options), engine, samples);
    stages.done("self-check");
    const hw::Accelerator accelerator =
        hw::fold(engine.lowered().network, {.board = hw::find_board(argv[2]),
                                            .target_ii = std::atoll(argv[3])});
    stages.done("folding and FIFO depths");
    const auto files = emit::generate(accelerator, engine.lowered().network);
    stages.done("emit");
    std::int64_t fifos = 0;
    std::int64_t bits = 0;
    for (const hw::Unit& unit : accelerator.units) {
        if (unit.module != hw::Module::kFifo) continue;
        ++fifos;
        bits += unit.integer("Depth") * unit.integer("DataW");
    }
    const hw::Resources total = accelerator.total();
    std::printf("%zu units, %lld FIFOs of %lld bits together, II %lld, latency %lld, %.0f LUTs, "
                "%.1f block RAMs, %lld values checked\n",
                accelerator.units.size(), static_cast<long long>(fifos),
                static_cast<long long>(bits), static_cast<long long>(accelerator.ii_cycles),
                static_cast<long long>(accelerator.latency_cycles), total.luts, total.bram36,
                static_cast<long long>(check.values));
    for (const std::string& note : accelerator.notes) std::printf("note: %s\n", note.c_str());
    return files.empty() ? 1 : 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
