#include "pack/verilated_system.h"

#include <exception>
#include <string>
#include <vector>

#include "soc/fabric.h"

namespace {

using qloom::sim::VerilatedModel;
using qloom::soc::Fabric;

std::string message;

struct System {
    System(const char* model_file, const char* data, std::uint64_t base, std::uint64_t bytes)
        : memory(bytes, 0xcd), model(model_file, data), fabric(model, memory, {.base = base}) {
        fabric.reset();
    }
    std::vector<std::uint8_t> memory;
    VerilatedModel model;
    Fabric fabric;
};

template <class F>
int guarded(F&& action) {
    try {
        action();
        return 0;
    } catch (const std::exception& error) {
        message = error.what();
        return -1;
    }
}

}  // namespace

void* qs_open(const char* model, const char* data, std::uint64_t base, std::uint64_t bytes) {
    System* system = nullptr;
    guarded([&] { system = new System(model, data, base, bytes); });
    return system;
}
void qs_close(void* system) { delete static_cast<System*>(system); }
int qs_read(void* system, std::uint32_t offset, std::uint32_t* value) {
    return guarded([&] { *value = static_cast<System*>(system)->fabric.read(offset); });
}
int qs_write(void* system, std::uint32_t offset, std::uint32_t value) {
    return guarded([&] { static_cast<System*>(system)->fabric.write(offset, value); });
}
int qs_run(void* system, std::uint64_t cycles) {
    return guarded([&] { static_cast<System*>(system)->fabric.run(cycles); });
}
std::uint8_t* qs_memory(void* system) { return static_cast<System*>(system)->memory.data(); }
std::uint64_t qs_cycles(void* system) { return static_cast<System*>(system)->fabric.cycles(); }
const char* qs_error(void) { return message.c_str(); }
