/* A timer that runs at the same rate whatever the processor does. */
#ifndef QL_TIMER_H
#define QL_TIMER_H

#include <stdint.h>

void ql_timer_init(void);
uint64_t ql_timer_hz(void); /* ticks a second */
uint64_t ql_timer_ticks(void);
uint64_t ql_timer_ticks_of_ns(uint64_t nanoseconds);
uint64_t ql_timer_microseconds(uint64_t ticks);

#endif
