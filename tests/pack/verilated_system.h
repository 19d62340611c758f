#pragma once

#include <stdint.h>

/* The C interface of the verilated system (DMA, packaged IP, memory) that stand-ins of pynq, of
 * Linux' devices and of the vendor's driver load. A failure of the hardware's own checks ends a
 * call with -1 and a sentence in qs_error(). */
#ifdef __cplusplus
extern "C" {
#endif

/* model: what sim::build_model made of dma_with_ip; data: the folder of the memory images. NULL on
 * failure. */
void* qs_open(const char* model, const char* data, uint64_t base, uint64_t bytes);
void qs_close(void* system);
/* Registers of the DMA. */
int qs_read(void* system, uint32_t offset, uint32_t* value);
int qs_write(void* system, uint32_t offset, uint32_t value);
/* Lets the hardware run by itself. */
int qs_run(void* system, uint64_t cycles);
uint8_t* qs_memory(void* system);
uint64_t qs_cycles(void* system);
const char* qs_error(void);

#ifdef __cplusplus
}
#endif
