/* Flat map of a Cortex-A53 in blocks of 1 GB, then MMU, data cache and instruction cache on, at the exception level that the program
 * was started in. */
#include "board.h"
#include "ql_runtime.h"

#define BLOCK 0x1u
#define ATTRIBUTE(index) ((uint64_t)(index) << 2)
#define INNER_SHAREABLE 0x300u
#define ACCESSED 0x400u
#define NEVER_EXECUTE ((uint64_t)1 << 54)
#define MEMORY (BLOCK | ATTRIBUTE(0) | INNER_SHAREABLE | ACCESSED)
#define DEVICE (BLOCK | ATTRIBUTE(1) | ACCESSED | NEVER_EXECUTE)
#define ATTRIBUTES 0x04ffu /* 0: normal, write-back, read and write allocate; 1: device nGnRE */

#define TCR_COMMON 0x3520u         /* 32 bits of address, tables of 4 KB in shareable write-back memory */
#define TCR_EL1_ONE_TABLE 0x800000u
#define TCR_EL2_EL3_ONES 0x80800000u
#define SCTLR_ON 0x1005u           /* instruction cache, data cache, MMU */
#define SCTLR_ALIGNED 0x2u         /* not needed for memory that is not a device */

static uint64_t table[4] __attribute__((aligned(4096)));

#define ENABLE(el, tcr)                                                                       \
    do {                                                                                      \
        uint64_t control;                                                                     \
        __asm__ volatile("msr mair_" el ", %0" ::"r"((uint64_t)ATTRIBUTES));                  \
        __asm__ volatile("msr tcr_" el ", %0" ::"r"((uint64_t)(tcr)));                        \
        __asm__ volatile("msr ttbr0_" el ", %0\n isb" ::"r"((uint64_t)(uintptr_t)table));     \
        __asm__ volatile("mrs %0, sctlr_" el : "=r"(control));                                \
        control = (control | SCTLR_ON) & ~(uint64_t)SCTLR_ALIGNED;                            \
        __asm__ volatile("msr sctlr_" el ", %0\n isb" ::"r"(control) : "memory");             \
    } while (0)

void ql_mmu_enable(void) {
    uint64_t level;
    table[0] = 0x00000000u | MEMORY;
    table[1] = 0x40000000u | MEMORY;
    table[2] = 0x80000000u | DEVICE; /* programmable logic */
    table[3] = 0xc0000000u | DEVICE; /* peripherals */
    __asm__ volatile("dsb sy" ::: "memory");
    __asm__ volatile("mrs %0, CurrentEL" : "=r"(level));
    if (level == 0xcu) {
        __asm__ volatile("tlbi alle3\n dsb sy\n isb" ::: "memory");
        ENABLE("el3", TCR_COMMON | TCR_EL2_EL3_ONES);
    } else if (level == 0x8u) {
        __asm__ volatile("tlbi alle2\n dsb sy\n isb" ::: "memory");
        ENABLE("el2", TCR_COMMON | TCR_EL2_EL3_ONES);
    } else {
        __asm__ volatile("tlbi vmalle1\n dsb sy\n isb" ::: "memory");
        ENABLE("el1", TCR_COMMON | TCR_EL1_ONE_TABLE);
    }
}
