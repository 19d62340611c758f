#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include <nlohmann/json.hpp>

namespace qloom::soc {

// What the program qloom-soc is asked to do; handed over as a JSON file.
struct Job {
    std::string firmware;        // ELF file
    std::string model;           // compiled model of qloom_soc (sim::build_model)
    std::string data_directory;  // of its memory files
    std::string result;          // where to write the JSON result
    std::string cpu = "cortex-a9";
    std::uint64_t uart_base = 0;
    std::uint64_t dma_base = 0;
    std::uint64_t memory_base = 0;
    std::uint64_t memory_bytes = 0;
    std::uint64_t timer_hz = 325000000;
    std::uint64_t instruction_ps = 1500;  // what an instruction is taken to last
    std::uint64_t fabric_ps = 10000;      // a clock of the programmable logic
    std::uint64_t limit_ps = 0;           // the firmware must have stopped by then
    NLOHMANN_DEFINE_TYPE_INTRUSIVE(Job, firmware, model, data_directory, result, cpu, uart_base, dma_base, memory_base,
                                   memory_bytes, timer_hz, instruction_ps, fabric_ps, limit_ps)
};

// What came of it.
struct RunResult {
    int exit_code = 0;
    std::string uart;                   // all it printed, lines ended by \n
    std::uint64_t time_ps = 0;          // modelled
    std::uint64_t cycles = 0;           // of the programmable logic
    std::uint64_t instructions = 0;
    NLOHMANN_DEFINE_TYPE_INTRUSIVE(RunResult, exit_code, uart, time_ps, cycles, instructions)
};

}  // namespace qloom::soc
