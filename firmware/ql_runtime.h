/* Types, register access and the end of the program, without a C library. */
#ifndef QL_RUNTIME_H
#define QL_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

static inline uint32_t ql_read32(uintptr_t address) { return *(volatile uint32_t *)address; }
static inline void ql_write32(uintptr_t address, uint32_t value) { *(volatile uint32_t *)address = value; }

/* Read by a debugger or a simulator once the program has stopped: 0 is success. */
extern volatile int ql_exit_code;
/* Ends the program when the last character is out. */
void ql_exit(int code) __attribute__((noreturn));
void ql_halt(void) __attribute__((noreturn));
/* Maps memory as cached and everything else as devices, and turns MMU and caches on; called by the start-up. */
void ql_mmu_enable(void);
/* a / b; no library is needed for it. */
uint64_t ql_divide(uint64_t a, uint64_t b);
/* An exception that nobody asked for; called by the vectors with the place in the program, and the address that it could not reach
 * and the processor's own status where there are such. */
void ql_fault(unsigned kind, uintptr_t where, uintptr_t address, uintptr_t status);

#endif
