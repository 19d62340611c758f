/* Cadence UART of the Zynq families. */
#ifndef QL_UART_H
#define QL_UART_H

void ql_uart_init(void);  /* 115200 baud, 8 bits, no parity, one stop bit */
void ql_uart_put(char c); /* a new line is sent as CR LF */
void ql_uart_drain(void); /* until the last character is out */

/* %d %u %x %s %c and %02u style zero padding. */
void ql_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
