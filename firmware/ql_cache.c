#include "ql_cache.h"

#include "board.h"
#include "ql_runtime.h"

#if defined(QL_CPU_CORTEX_A9)
#define LINE 32u
#define CLEAN(a) __asm__ volatile("mcr p15, 0, %0, c7, c10, 1" ::"r"(a) : "memory")
#define INVALIDATE(a) __asm__ volatile("mcr p15, 0, %0, c7, c6, 1" ::"r"(a) : "memory")
#define CLEAN_INVALIDATE(a) __asm__ volatile("mcr p15, 0, %0, c7, c14, 1" ::"r"(a) : "memory")
#define BARRIER() __asm__ volatile("dsb" ::: "memory")
#else
#define LINE 64u
#define CLEAN(a) __asm__ volatile("dc cvac, %0" ::"r"(a) : "memory")
#define INVALIDATE(a) __asm__ volatile("dc ivac, %0" ::"r"(a) : "memory")
#define CLEAN_INVALIDATE(a) __asm__ volatile("dc civac, %0" ::"r"(a) : "memory")
#define BARRIER() __asm__ volatile("dsb sy" ::: "memory")
#endif

#define FOR_LINES(operation)                                                           \
    const uintptr_t end = (uintptr_t)begin + size;                                     \
    BARRIER();                                                                         \
    for (uintptr_t a = (uintptr_t)begin & ~(uintptr_t)(LINE - 1u); a < end; a += LINE) { \
        operation(a);                                                                  \
    }                                                                                  \
    BARRIER()

void ql_cache_clean(const void *begin, size_t size) { FOR_LINES(CLEAN); }
void ql_cache_clean_invalidate(const void *begin, size_t size) { FOR_LINES(CLEAN_INVALIDATE); }
void ql_cache_invalidate(const void *begin, size_t size) { FOR_LINES(INVALIDATE); }
