/* Flat map of a Cortex-A9 in sections of 1 MB, then MMU, data cache, instruction cache and branch prediction on. The second-level
 * cache is turned off should a boot loader have left it on: what the first level has cleaned is then in memory. Memory is not marked
 * as shared: one core runs, and a core outside coherency (ACTLR.SMP = 0) would not cache shared memory at all. */
#include "board.h"
#include "ql_runtime.h"

#define SECTION_DEVICE_PL 0x00000c02u  /* shareable device: programmable logic */
#define SECTION_DEVICE_PS 0x00000c06u  /* device: peripherals */
#define SECTION_MEMORY 0x00005de6u     /* normal, write-back, write-allocate */

/* The second-level cache controller. */
#define L2_CONTROL 0xf8f02100u
#define L2_SYNC 0xf8f02730u
#define L2_CLEAN_INVALIDATE_WAYS 0xf8f027fcu
#define L2_WAYS 0xffu
#define L2_PATIENCE 10000000u

static void second_level_cache_off(void) {
    unsigned patience = L2_PATIENCE;
    if ((ql_read32(L2_CONTROL) & 1u) == 0) {
        return;
    }
    ql_write32(L2_CLEAN_INVALIDATE_WAYS, L2_WAYS);
    while ((ql_read32(L2_CLEAN_INVALIDATE_WAYS) & L2_WAYS) != 0 && --patience > 0) {
    }
    ql_write32(L2_SYNC, 0);
    ql_write32(L2_CONTROL, 0);
    __asm__ volatile("dsb" ::: "memory");
}

static uint32_t table[4096] __attribute__((aligned(16384)));

void ql_mmu_enable(void) {
    uint32_t control;
    second_level_cache_off();
    for (uint32_t i = 0; i < 4096; ++i) {
        const uint32_t address = i << 20;
        uint32_t kind = 0; /* an access faults */
        if (address < 0x40000000u) {
            kind = SECTION_MEMORY;
        } else if (address < 0xc0000000u) {
            kind = SECTION_DEVICE_PL;
        } else if (address >= 0xe0000000u) {
            kind = SECTION_DEVICE_PS;
        }
        table[i] = kind == 0 ? 0 : address | kind;
    }
    __asm__ volatile("dsb" ::: "memory");
    __asm__ volatile("mcr p15, 0, %0, c2, c0, 0" ::"r"((uint32_t)table)); /* TTBR0, walks uncached */
    __asm__ volatile("mcr p15, 0, %0, c2, c0, 2" ::"r"(0));               /* TTBR0 alone */
    __asm__ volatile("mcr p15, 0, %0, c3, c0, 0" ::"r"(0xffffffffu));     /* domains: no checks */
    __asm__ volatile("mcr p15, 0, %0, c8, c7, 0" ::"r"(0));
    __asm__ volatile("dsb\n isb" ::: "memory");
    __asm__ volatile("mrc p15, 0, %0, c1, c0, 0" : "=r"(control));
    control |= 0x1805u; /* MMU, data cache, branch prediction, instruction cache */
    control &= ~0x2u;
    __asm__ volatile("mcr p15, 0, %0, c1, c0, 0\n dsb\n isb" ::"r"(control) : "memory");
}
