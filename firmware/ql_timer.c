#include "ql_timer.h"

#include "board.h"
#include "ql_runtime.h"

#if defined(QL_CPU_CORTEX_A9)
#define COUNTER_LOW 0xf8f00200u
#define COUNTER_HIGH 0xf8f00204u
#define CONTROL 0xf8f00208u

void ql_timer_init(void) { ql_write32(CONTROL, 1u); } /* on, no prescaler */

uint64_t ql_timer_ticks(void) {
    uint32_t high, low;
    do { /* the low half may wrap between the reads */
        high = ql_read32(COUNTER_HIGH);
        low = ql_read32(COUNTER_LOW);
    } while (ql_read32(COUNTER_HIGH) != high);
    return (uint64_t)high << 32 | low;
}
#else
void ql_timer_init(void) {}

uint64_t ql_timer_ticks(void) {
    uint64_t ticks;
    __asm__ volatile("isb\n mrs %0, cntpct_el0" : "=r"(ticks)::"memory");
    return ticks;
}
#endif

uint64_t ql_timer_ticks_of_ns(uint64_t nanoseconds) {
    return ql_divide(nanoseconds * (QL_TIMER_HZ / 1000u), 1000000u) + 1u;
}

uint64_t ql_timer_microseconds(uint64_t ticks) { return ql_divide(ticks * 1000u, QL_TIMER_HZ / 1000u); }
