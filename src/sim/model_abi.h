#pragma once

// The C interface between Qloom and a hardware model compiled into a shared object. The struct is
// repeated in the generated shim (model_shim.cpp); change both together.

#include <cstdint>

namespace qloom::sim {

struct AbiPort {
    const char* name;
    std::int32_t width;     // bits
    std::int32_t is_input;  // 1: the model reads it
    std::int32_t bytes;  // bytes at `data`: 1, 2, 4, 8 or a multiple of 4; bit 0 of the port is bit
                         // 0 of data[0]
    void* data;
};

// Every function of the shim returns 0 on success; the text of a failure is in
// qloom_model_message().
using AbiCreate = void* (*)(const char* data_directory, std::uint32_t random_seed, int is_random);
using AbiDestroy = void (*)(void*);
using AbiPorts = int (*)(void*, AbiPort* ports, int capacity);  // returns how many there are
using AbiEval = int (*)(void*);
using AbiMessage = const char* (*)();
using AbiTraceOpen = int (*)(void*, const char* file);
using AbiTraceDump = void (*)(void*, std::uint64_t time);
using AbiTraceClose = void (*)(void*);

}  // namespace qloom::sim
