#include "ql_uart.h"

#include <stdarg.h>

#include "board.h"
#include "ql_runtime.h"

#define CONTROL (QL_UART_BASE + 0x00u)
#define MODE (QL_UART_BASE + 0x04u)
#define BAUD_GENERATOR (QL_UART_BASE + 0x18u)
#define STATUS (QL_UART_BASE + 0x2cu)
#define FIFO (QL_UART_BASE + 0x30u)
#define BAUD_DIVIDER (QL_UART_BASE + 0x34u)

#define CONTROL_RESETS 0x03u
#define CONTROL_OFF 0x28u
#define CONTROL_ON 0x14u
#define STATUS_TX_EMPTY 0x08u
#define STATUS_TX_FULL 0x10u
#define STATUS_TX_ACTIVE 0x800u
#define BITS_8N1 0x20u
#define BAUD 115200u
#define DIVIDER 6u           /* a bit takes (DIVIDER + 1) ticks of the generator */
#define PATIENCE 10000000u   /* polls; a stuck UART must not stop the program */

void ql_uart_init(void) {
    unsigned patience = PATIENCE;
    ql_write32(CONTROL, CONTROL_OFF);
    ql_write32(CONTROL, CONTROL_OFF | CONTROL_RESETS);
    while ((ql_read32(CONTROL) & CONTROL_RESETS) != 0 && --patience > 0) {
    }
    ql_write32(MODE, BITS_8N1);
    ql_write32(BAUD_GENERATOR, (QL_UART_CLOCK_HZ + BAUD * (DIVIDER + 1u) / 2u) / (BAUD * (DIVIDER + 1u)));
    ql_write32(BAUD_DIVIDER, DIVIDER);
    ql_write32(CONTROL, CONTROL_ON);
}

static void send(char c) {
    unsigned patience = PATIENCE;
    while ((ql_read32(STATUS) & STATUS_TX_FULL) != 0 && --patience > 0) {
    }
    ql_write32(FIFO, (unsigned char)c);
}

void ql_uart_put(char c) {
    if (c == '\n') {
        send('\r');
    }
    send(c);
}

void ql_uart_drain(void) {
    unsigned patience = PATIENCE;
    while ((ql_read32(STATUS) & (STATUS_TX_EMPTY | STATUS_TX_ACTIVE)) != STATUS_TX_EMPTY && --patience > 0) {
    }
}

static void put_number(unsigned value, unsigned base, int width, int zero) {
    char digits[12];
    int count = 0;
    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    for (int i = count; i < width; ++i) {
        ql_uart_put(zero ? '0' : ' ');
    }
    while (count > 0) {
        ql_uart_put(digits[--count]);
    }
}

void ql_printf(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    for (; *format != 0; ++format) {
        int width = 0, zero = 0;
        if (*format != '%') {
            ql_uart_put(*format);
            continue;
        }
        ++format;
        if (*format == '0') {
            zero = 1;
        }
        while (*format >= '0' && *format <= '9') {
            width = width * 10 + (*format++ - '0');
        }
        switch (*format) {
            case 'd': {
                const int value = va_arg(arguments, int);
                if (value < 0) {
                    ql_uart_put('-');
                }
                put_number(value < 0 ? 0u - (unsigned)value : (unsigned)value, 10, width, zero);
                break;
            }
            case 'u': put_number(va_arg(arguments, unsigned), 10, width, zero); break;
            case 'x': put_number(va_arg(arguments, unsigned), 16, width, zero); break;
            case 'c': ql_uart_put((char)va_arg(arguments, int)); break;
            case 's': {
                const char *text = va_arg(arguments, const char *);
                while (*text != 0) {
                    ql_uart_put(*text++);
                }
                break;
            }
            default: ql_uart_put(*format); break;
        }
    }
    va_end(arguments);
}
