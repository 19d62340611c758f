#include "ql_runtime.h"

#include "ql_uart.h"

volatile int ql_exit_code = -1;

void ql_exit(int code) {
    ql_uart_drain();
    ql_exit_code = code;
    ql_halt();
}

void ql_fault(unsigned kind, uintptr_t where, uintptr_t address, uintptr_t status) {
    static const char *const names[] = {"?",           "undefined instruction", "supervisor call",
                                        "prefetch abort", "data abort",         "?",
                                        "interrupt",   "synchronous exception", "system error"};
    ql_printf("error: %s at 0x%08x (address 0x%08x, status 0x%08x)\n", kind < 9 ? names[kind] : "?", (unsigned)where,
              (unsigned)address, (unsigned)status);
    ql_exit(1);
}

/* Compilers call these on their own. They must not be turned into calls of themselves. */
#define NO_PATTERN __attribute__((used))
NO_PATTERN void *memcpy(void *to, const void *from, size_t size) {
    volatile unsigned char *t = to;
    const unsigned char *f = from;
    while (size-- > 0) {
        *t++ = *f++;
    }
    return to;
}
NO_PATTERN void *memset(void *to, int value, size_t size) {
    volatile unsigned char *t = to;
    while (size-- > 0) {
        *t++ = (unsigned char)value;
    }
    return to;
}
NO_PATTERN void *memmove(void *to, const void *from, size_t size) {
    volatile unsigned char *t = to;
    const unsigned char *f = from;
    if ((uintptr_t)to <= (uintptr_t)from) {
        return memcpy(to, from, size);
    }
    while (size-- > 0) {
        t[size] = f[size];
    }
    return to;
}
NO_PATTERN int memcmp(const void *left, const void *right, size_t size) {
    const volatile unsigned char *a = left, *b = right;
    for (; size > 0; --size, ++a, ++b) {
        if (*a != *b) {
            return *a < *b ? -1 : 1;
        }
    }
    return 0;
}

#if defined(__arm__)
NO_PATTERN void __aeabi_memcpy(void *to, const void *from, size_t size) { memcpy(to, from, size); }
NO_PATTERN void __aeabi_memcpy4(void *to, const void *from, size_t size) { memcpy(to, from, size); }
NO_PATTERN void __aeabi_memcpy8(void *to, const void *from, size_t size) { memcpy(to, from, size); }
NO_PATTERN void __aeabi_memset(void *to, size_t size, int value) { memset(to, value, size); }
NO_PATTERN void __aeabi_memclr(void *to, size_t size) { memset(to, 0, size); }
NO_PATTERN void __aeabi_memclr4(void *to, size_t size) { memset(to, 0, size); }
NO_PATTERN void __aeabi_memclr8(void *to, size_t size) { memset(to, 0, size); }

/* The Cortex-A9 does not divide. Quotient in the low register, remainder in the high one, as the ABI wants. */
static uint64_t divide32(uint32_t a, uint32_t b) {
    uint32_t quotient = 0, rest = 0;
    for (int i = 31; i >= 0; --i) {
        rest = rest << 1 | (a >> i & 1u);
        if (rest >= b) {
            rest -= b;
            quotient |= 1u << i;
        }
    }
    return (uint64_t)rest << 32 | quotient;
}
NO_PATTERN uint32_t __aeabi_uidiv(uint32_t a, uint32_t b) { return (uint32_t)divide32(a, b); }
NO_PATTERN uint64_t __aeabi_uidivmod(uint32_t a, uint32_t b) { return divide32(a, b); }
NO_PATTERN int32_t __aeabi_idiv(int32_t a, int32_t b) {
    const uint32_t quotient = (uint32_t)divide32(a < 0 ? 0u - (uint32_t)a : (uint32_t)a, b < 0 ? 0u - (uint32_t)b : (uint32_t)b);
    return (a < 0) != (b < 0) ? -(int32_t)quotient : (int32_t)quotient;
}
#endif

uint64_t ql_divide(uint64_t a, uint64_t b) {
    uint64_t quotient = 0, rest = 0;
    for (int i = 63; i >= 0; --i) {
        rest = rest << 1 | (a >> i & 1u);
        if (rest >= b) {
            rest -= b;
            quotient |= (uint64_t)1 << i;
        }
    }
    return quotient;
}
