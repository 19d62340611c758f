#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/codes/base.h"
#include "base/codes/sim.h"

namespace qloom::sim {

// What to build: one SystemVerilog top with its sources.
struct ModelSpec {
    std::vector<std::filesystem::path> sources;  // .sv and .vlt files, read in this order
    std::string top;
    std::vector<std::pair<std::string, std::string>> parameters =
        {};                                 // of the top: {"Depth", "4"}, {"File", "\"mem/w\""}
    std::vector<std::string> defines = {};  // macros: "NAME" or "NAME=VALUE"
    bool trace = false;                     // can write a VCD file
    bool checks = false;  // with assertions, and registers start with random values
};

// Compiles the model into a shared object in `cache_directory`, or finds it there: the name of the
// file is a hash of all source text, parameters, options and tools. Memory files are no part of it;
// they are read when the model is loaded. Two processes may build the same model at a time. Throws
// code::kToolMissing without verilator or a C++ compiler, code::kToolFailed with their last lines.
std::filesystem::path build_model(const ModelSpec& spec,
                                  const std::filesystem::path& cache_directory);

struct ModelPort {
    std::string name;
    int width = 1;
    bool is_input = false;
    std::uint8_t* data = nullptr;  // the port itself: bit 0 is bit 0 of data[0]
    int bytes = 1;
};

// A loaded model: ports are set and read in place, eval() settles the logic.
class VerilatedModel {
public:
    // `data_directory` is where the memory files with relative names are.
    // Throws code::kModelNotLoadable when `library` is no model, code::kMemoryFileUnreadable when a
    // memory file is missing or has too many words.
    VerilatedModel(const std::filesystem::path& library,
                   const std::filesystem::path& data_directory, std::uint32_t random_seed = 1);
    ~VerilatedModel();
    VerilatedModel(VerilatedModel&&) noexcept;
    VerilatedModel& operator=(VerilatedModel&&) noexcept;
    VerilatedModel(const VerilatedModel&) = delete;
    VerilatedModel& operator=(const VerilatedModel&) = delete;

    // Builds (or finds) and loads; a damaged file in the cache is built again.
    static VerilatedModel make(const ModelSpec& spec, const std::filesystem::path& cache_directory,
                               const std::filesystem::path& data_directory,
                               std::uint32_t random_seed = 1);

    [[nodiscard]] std::span<const ModelPort> ports() const { return ports_; }
    [[nodiscard]] const ModelPort* find_port(
        const std::string& name) const;                                  // nullptr: there is none
    [[nodiscard]] const ModelPort& port(const std::string& name) const;  // must exist

    void set(const ModelPort& port, std::span<const std::uint32_t> words);
    void set(const std::string& name, std::uint64_t value);
    [[nodiscard]] std::uint64_t get(const std::string& name) const;  // the low 64 bits

    // Throws code::kHardwareCheckFailed when an assertion in the hardware fires.
    void eval() {
        if (eval_(handle_) != 0) {
            throw_check_failed();
        }
    }

    // Needs ModelSpec::trace. Throws code::kTraceUnwritable.
    void open_trace(const std::filesystem::path& file);
    void dump_trace(std::uint64_t time);
    void close_trace();

private:
    [[noreturn]] void throw_check_failed() const;

    struct Library;
    std::unique_ptr<Library> library_;
    int (*eval_)(void*) = nullptr;
    void* handle_ = nullptr;
    std::vector<ModelPort> ports_;
};

}  // namespace qloom::sim
