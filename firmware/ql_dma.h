/* A DMA with the registers of AXI DMA in simple mode, polled. */
#ifndef QL_DMA_H
#define QL_DMA_H

#include <stddef.h>
#include <stdint.h>

typedef enum {
    QL_DMA_OK = 0,
    QL_DMA_NO_RESET,     /* the reset does not end: no clock, or nothing at that address */
    QL_DMA_BAD_ADDRESS,  /* not aligned, or the transfer is too long */
    QL_DMA_SEND_ERROR,   /* the memory or the stream refused; see ql_dma_status() */
    QL_DMA_RECEIVE_ERROR,
    QL_DMA_SEND_TIMEOUT,
    QL_DMA_RECEIVE_TIMEOUT,
    QL_DMA_SHORT         /* fewer bytes came back than asked for */
} ql_dma_result;

/* Resets both channels and lets them run. */
ql_dma_result ql_dma_init(uintptr_t base);

/* What is written to `send` reaches the memory: once before the first transfer that reads it, and after each change. May run
 * while another transfer is going on. */
void ql_dma_prepare(const void *send, size_t send_bytes);

/* Begins one packet out of `send`, which is prepared, and one into `receive`; the receiving side is armed first. `receive` is
 * aligned to QL_CACHE_LINE and belongs to whole lines; nobody may touch it until ql_dma_finish has come back. */
ql_dma_result ql_dma_start(uintptr_t base, const void *send, size_t send_bytes, void *receive, size_t receive_bytes);

/* Waits for both packets, at most `timeout_ns`. Then `receive` can be read. */
ql_dma_result ql_dma_finish(uintptr_t base, void *receive, size_t receive_bytes, uint64_t timeout_ns);

/* All three at once. */
ql_dma_result ql_dma_transfer(uintptr_t base, const void *send, size_t send_bytes, void *receive, size_t receive_bytes,
                              uint64_t timeout_ns);

const char *ql_dma_text(ql_dma_result result);
/* Status registers when the last call failed: sending in the low half, receiving in the high half. */
uint32_t ql_dma_status(void);

#endif
