/* Types, register access and the end of the program, without a C library. */
#ifndef QL_RUNTIME_H
#define QL_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

static inline uint32_t ql_read32(uintptr_t address) { return *(volatile uint32_t *)address; }
static inline void ql_write32(uintptr_t address, uint32_t value) { *(volatile uint32_t *)address = value; }

/* Read by a debugger or a simulator once the program has stopped: 0 is success. */
extern volatile int ql_exit_code;
void ql_exit(int code) __attribute__((noreturn));
void ql_halt(void) __attribute__((noreturn));
void ql_mmu_enable(void);
/* a / b; no library is needed for it. */
uint64_t ql_divide(uint64_t a, uint64_t b);
/* An exception that nobody asked for; called by the vectors. */
void ql_fault(unsigned kind, uintptr_t where);

#endif
