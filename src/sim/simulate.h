#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/codes/sim.h"
#include "hw/accelerator.h"
#include "network/execute.h"

// The whole accelerator's RTL, simulated cycle by cycle with Verilator.
namespace qloom::sim {

struct SimulateOptions {
    std::filesystem::path vcd = {};  // write a trace of the first frames here
    double idle = 0.0;               // probability that an input offers no beat in a cycle
    double back_pressure = 0.0;      // probability that an output is not ready in a cycle
    std::uint32_t seed = 1;
    bool checks = false;               // build with the hardware's own assertions (slower)
    std::filesystem::path cache = {};  // folder of verilated models; empty: DIR/sim
    // Called now and then with frames done and frames in all; stage is "build" (0 or 1 of 1) or
    // "simulate".
    std::function<void(const std::string& stage, std::int64_t done, std::int64_t total)> progress =
        {};
};

struct SimulateResult {
    std::vector<network::Frames>
        outputs;  // in the order of the accelerator's outputs, (F, stream elements)
    std::int64_t frames = 0;
    std::int64_t ii_cycles =
        0;  // steady state: cycles a frame over the second half of the run (0: one frame only)
    std::int64_t latency_cycles = 0;  // first frame: first input beat accepted to last output beat
    std::int64_t cycles = 0;          // the whole run
    double build_seconds = 0.0;       // near 0 when the cached model was found
    double run_seconds = 0.0;
};

// `dir` is a folder written by emit(); inputs are one entry an input port, (F, shape...), integers
// as lower::Engine::to_integers makes them. Throws code::kSimulationInput, and what
// sim/verilated_model.h and sim/stream_harness.h throw.
SimulateResult simulate(const std::filesystem::path& dir,
                        const std::vector<network::Frames>& inputs,
                        const SimulateOptions& options = {});

}  // namespace qloom::sim
