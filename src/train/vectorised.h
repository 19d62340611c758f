#pragma once

// Compiles a kernel also for AVX2 and AVX-512 and picks at run time. Only for elementwise loops and
// for reductions written as explicit lanes: no variant may round differently from another (the room
// is built without fused multiply-add).
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__)
#define QLOOM_VECTORISED __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define QLOOM_VECTORISED
#endif
