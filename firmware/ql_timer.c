#include "ql_timer.h"

#include "board.h"
#include "ql_runtime.h"

#if defined(QL_CPU_CORTEX_A9)
/* The global timer of the processor's private peripherals. */
#define COUNTER_LOW 0xf8f00200u
#define COUNTER_HIGH 0xf8f00204u
#define CONTROL 0xf8f00208u

void ql_timer_init(void) { ql_write32(CONTROL, 1u); } /* on, no prescaler */

uint64_t ql_timer_hz(void) { return QL_TIMER_HZ; }

uint64_t ql_timer_ticks(void) {
    uint32_t high, low;
    do { /* the low half may wrap between the reads */
        high = ql_read32(COUNTER_HIGH);
        low = ql_read32(COUNTER_LOW);
    } while (ql_read32(COUNTER_HIGH) != high);
    return (uint64_t)high << 32 | low;
}
#else
/* The generic timer, which counts what the system counter gives. A boot loader has it running and its frequency in CNTFRQ_EL0; a
 * program that a debugger loads after reset does not. */
#define SYSTEM_COUNTER_CONTROL 0xff260000u
#define SYSTEM_COUNTER_FREQUENCY 0xff260020u

static uint64_t ticks_a_second = QL_TIMER_HZ;

uint64_t ql_timer_ticks(void) {
    uint64_t ticks;
    __asm__ volatile("isb\n mrs %0, cntpct_el0" : "=r"(ticks)::"memory");
    return ticks;
}

void ql_timer_init(void) {
    const uint64_t first = ql_timer_ticks();
    uint64_t frequency;
    unsigned patience = 100000u;
    while (ql_timer_ticks() == first && --patience > 0) {
    }
    if (patience == 0) {
        ql_write32(SYSTEM_COUNTER_FREQUENCY, QL_TIMER_HZ);
        ql_write32(SYSTEM_COUNTER_CONTROL, 1u);
    }
    __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(frequency));
    if (frequency >= 1000000u) {
        ticks_a_second = frequency;
    }
}

uint64_t ql_timer_hz(void) { return ticks_a_second; }
#endif

uint64_t ql_timer_ticks_of_ns(uint64_t nanoseconds) {
    return ql_divide(nanoseconds * ql_divide(ql_timer_hz(), 1000u), 1000000u) + 1u;
}

uint64_t ql_timer_microseconds(uint64_t ticks) {
    return ql_divide(ticks * 1000u, ql_divide(ql_timer_hz(), 1000u));
}
