// open_device() of the packaged Linux driver, with the verilated system in place of UIO and a DMA
// buffer.
#include <dlfcn.h>

#include <cstdlib>
#include <stdexcept>
#include <string>

#include "device.h"

namespace qloom {
namespace {

constexpr std::uint64_t kBase = 0x10000000;
constexpr std::uint64_t kBytes = 1U << 22U;

class SimulatedDevice final : public Device {
public:
    SimulatedDevice()
        : library_(::dlopen(std::getenv("QLOOM_SYSTEM_LIBRARY"), RTLD_NOW | RTLD_LOCAL)) {
        if (library_ == nullptr) throw std::runtime_error(::dlerror());
        const auto open =
            find<void* (*)(const char*, const char*, std::uint64_t, std::uint64_t)>("qs_open");
        system_ = open(std::getenv("QLOOM_SYSTEM_MODEL"), std::getenv("QLOOM_SYSTEM_DATA"), kBase,
                       kBytes);
        check(system_ != nullptr);
        read_ = find<int (*)(void*, std::uint32_t, std::uint32_t*)>("qs_read");
        write_ = find<int (*)(void*, std::uint32_t, std::uint32_t)>("qs_write");
        memory_ = find<std::uint8_t* (*)(void*)>("qs_memory")(system_);
    }
    std::uint32_t read(std::uint32_t offset) override {
        std::uint32_t value = 0;
        check(read_(system_, offset, &value) == 0);
        return value;
    }
    void write(std::uint32_t offset, std::uint32_t value) override {
        check(write_(system_, offset, value) == 0);
    }
    std::span<std::uint8_t> memory() override { return {memory_, kBytes}; }
    std::uint64_t address() const override { return kBase; }

private:
    template <class F>
    F find(const char* name) {
        return reinterpret_cast<F>(::dlsym(library_, name));
    }
    void check(bool is_fine) {
        if (!is_fine) throw std::runtime_error(find<const char* (*)()>("qs_error")());
    }

    void* library_;
    void* system_ = nullptr;
    int (*read_)(void*, std::uint32_t, std::uint32_t*) = nullptr;
    int (*write_)(void*, std::uint32_t, std::uint32_t) = nullptr;
    std::uint8_t* memory_ = nullptr;
};

}  // namespace

std::unique_ptr<Device> open_device() { return std::make_unique<SimulatedDevice>(); }

}  // namespace qloom
