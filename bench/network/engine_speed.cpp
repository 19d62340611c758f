// Frames a second of the integer engine on made-up frames, median of three runs, beside the seconds of processor.
//
//   bench_engine_speed MODEL.onnx [FRAMES]
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "base/diagnostic.h"
#include "cli/compile_flow.h"
#include "ir/tidy.h"
#include "lower/lower.h"
#include "onnx/reader.h"

namespace {

double processor_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

}  // namespace

int main(int argc, char** argv) try {
    using namespace qloom;
    if (argc < 2) {
        std::fprintf(stderr, "usage: bench_engine_speed MODEL.onnx [FRAMES]\n");
        return 2;
    }
    const std::int64_t frames = argc > 2 ? std::max(1LL, std::atoll(argv[2])) : 512;
    const ir::Graph model = ir::tidy(onnx::read_model(argv[1]));
    const lower::Engine engine(lower::lower(model, {}));
    const std::vector<network::Frames> inputs =
        engine.to_integers(cli::made_up_frames(model, engine.lowered(), frames));
    struct Run {
        double seconds;
        double processor;
    };
    std::vector<Run> runs;
    for (int k = 0; k < 3; ++k) {
        const auto start = std::chrono::steady_clock::now();
        const double before = processor_seconds();
        const auto outputs = engine.run_network(inputs);
        runs.push_back({std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(),
                        processor_seconds() - before});
        if (outputs.empty()) return 1;
    }
    std::sort(runs.begin(), runs.end(), [](const Run& a, const Run& b) { return a.seconds < b.seconds; });
    std::printf("%.0f frames/s, %.3f ms of processor a frame\n", static_cast<double>(frames) / runs[1].seconds,
                1e3 * runs[1].processor / static_cast<double>(frames));
    return 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
