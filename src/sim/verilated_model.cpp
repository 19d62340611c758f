#include "sim/verilated_model.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/codes/sim.h"
#include "base/diagnostic.h"
#include "sim/model_abi.h"

namespace qloom::sim {

static_assert(std::endian::native == std::endian::little, "ports are copied byte by byte");

struct VerilatedModel::Library {
    Library() = default;
    Library(const Library&) = delete;
    Library& operator=(const Library&) = delete;
    ~Library() {
        if (model != nullptr) {
            destroy(model);
        }
        if (file != nullptr) {
            dlclose(file);
        }
    }

    template <typename Function>
    Function symbol(const char* name) const {
        return reinterpret_cast<Function>(dlsym(file, name));  // NOLINT: what dlsym is made for
    }

    void* file = nullptr;
    void* model = nullptr;
    AbiDestroy destroy = nullptr;
    AbiMessage message = nullptr;
    AbiTraceOpen trace_open = nullptr;
    AbiTraceDump trace_dump = nullptr;
    AbiTraceClose trace_close = nullptr;
};

VerilatedModel::VerilatedModel(const std::filesystem::path& library,
                               const std::filesystem::path& data_directory,
                               std::uint32_t random_seed)
    : library_(std::make_unique<Library>()) {
    Library& it = *library_;
    it.file = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    const auto create = it.file == nullptr ? nullptr : it.symbol<AbiCreate>("qloom_model_create");
    if (create == nullptr) {
        const char* reason = it.file == nullptr ? dlerror() : "it has no model interface";
        throw Error(code::kModelNotLoadable, library.filename().string(),
                    fmt::format("the compiled hardware model cannot be loaded ({})", reason),
                    "delete the simulation cache and simulate again");
    }
    it.destroy = it.symbol<AbiDestroy>("qloom_model_destroy");
    it.message = it.symbol<AbiMessage>("qloom_model_message");
    it.trace_open = it.symbol<AbiTraceOpen>("qloom_model_trace_open");
    it.trace_dump = it.symbol<AbiTraceDump>("qloom_model_trace_dump");
    it.trace_close = it.symbol<AbiTraceClose>("qloom_model_trace_close");
    eval_ = it.symbol<AbiEval>("qloom_model_eval");

    it.model = create(data_directory.c_str(), random_seed, 1);
    if (it.model == nullptr) {
        throw Error(code::kMemoryFileUnreadable, data_directory.string(),
                    fmt::format("the hardware model does not start: {}", it.message()),
                    "compile the network again; the folder lacks a memory file or holds one of "
                    "another size");
    }
    handle_ = it.model;

    const auto ports = it.symbol<AbiPorts>("qloom_model_ports");
    std::vector<AbiPort> raw(static_cast<std::size_t>(ports(handle_, nullptr, 0)));
    ports(handle_, raw.data(), static_cast<int>(raw.size()));
    for (const AbiPort& port : raw) {
        ports_.push_back({.name = port.name,
                          .width = port.width,
                          .is_input = port.is_input != 0,
                          .data = static_cast<std::uint8_t*>(port.data),
                          .bytes = port.bytes});
    }
}

VerilatedModel::~VerilatedModel() = default;
VerilatedModel::VerilatedModel(VerilatedModel&&) noexcept = default;
VerilatedModel& VerilatedModel::operator=(VerilatedModel&&) noexcept = default;

VerilatedModel VerilatedModel::make(const ModelSpec& spec,
                                    const std::filesystem::path& cache_directory,
                                    const std::filesystem::path& data_directory,
                                    std::uint32_t random_seed) {
    const std::filesystem::path library = build_model(spec, cache_directory);
    try {
        return VerilatedModel(library, data_directory, random_seed);
    } catch (const Error& error) {
        if (error.code() != code::kModelNotLoadable) {
            throw;
        }
    }
    std::filesystem::remove(library);
    return VerilatedModel(build_model(spec, cache_directory), data_directory, random_seed);
}

const ModelPort* VerilatedModel::find_port(const std::string& name) const {
    const auto found = std::ranges::find(ports_, name, &ModelPort::name);
    return found == ports_.end() ? nullptr : &*found;
}

const ModelPort& VerilatedModel::port(const std::string& name) const {
    const ModelPort* found = find_port(name);
    QLOOM_ASSERT(found != nullptr, fmt::format("the model has a port {}", name));
    return *found;
}

void VerilatedModel::set(const ModelPort& port, std::span<const std::uint32_t> words) {
    QLOOM_ASSERT(words.size() * 4 >= static_cast<std::size_t>(port.bytes),
                 "the words fill the port");
    std::memcpy(port.data, words.data(), static_cast<std::size_t>(port.bytes));
}

void VerilatedModel::set(const std::string& name, std::uint64_t value) {
    const ModelPort& it = port(name);
    std::memset(it.data, 0, static_cast<std::size_t>(it.bytes));
    std::memcpy(it.data, &value,
                std::min<std::size_t>(static_cast<std::size_t>(it.bytes), sizeof value));
}

std::uint64_t VerilatedModel::get(const std::string& name) const {
    const ModelPort& it = port(name);
    std::uint64_t value = 0;
    std::memcpy(&value, it.data,
                std::min<std::size_t>(static_cast<std::size_t>(it.bytes), sizeof value));
    return value;
}

void VerilatedModel::throw_check_failed() const {
    throw Error(code::kHardwareCheckFailed, "simulation",
                fmt::format("a check in the hardware failed: {}", library_->message()),
                "this is a fault of Qloom; please report it with the model that shows it");
}

void VerilatedModel::open_trace(const std::filesystem::path& file) {
    QLOOM_ASSERT(library_->trace_open != nullptr, "the model was built with ModelSpec::trace");
    if (library_->trace_open(handle_, file.c_str()) != 0) {
        throw Error(code::kTraceUnwritable, file.string(), "the waveform file cannot be written",
                    "name a file in a folder that exists and that you may write to");
    }
}

void VerilatedModel::dump_trace(std::uint64_t time) { library_->trace_dump(handle_, time); }

void VerilatedModel::close_trace() { library_->trace_close(handle_); }

}  // namespace qloom::sim
