#include "ql_dma.h"

#include "board.h"
#include "ql_cache.h"
#include "ql_runtime.h"
#include "ql_timer.h"

#define SEND 0x00u     /* memory to stream */
#define RECEIVE 0x30u  /* stream to memory */
#define CONTROL 0x00u
#define STATUS 0x04u
#define ADDRESS 0x18u
#define ADDRESS_HIGH 0x1cu
#define LENGTH 0x28u

#define CONTROL_RUN 0x1u
#define CONTROL_ALWAYS_1 0x2u
#define CONTROL_RESET 0x4u
#define CONTROL_THRESHOLD_1 0x10000u
#define STATUS_IDLE 0x2u
#define STATUS_ERRORS 0x70u
#define RESET_NS 10000000u

static uint32_t failed_status;

uint32_t ql_dma_status(void) { return failed_status; }

static ql_dma_result fail(uintptr_t base, ql_dma_result result) {
    failed_status = (ql_read32(base + SEND + STATUS) & 0xffffu) | ql_read32(base + RECEIVE + STATUS) << 16;
    return result;
}

ql_dma_result ql_dma_init(uintptr_t base) {
    const uint64_t end = ql_timer_ticks() + ql_timer_ticks_of_ns(RESET_NS);
    ql_write32(base + SEND + CONTROL, CONTROL_RESET);
    /* Where no DMA answers, bit 1 is missing. */
    for (;;) {
        const uint32_t send = ql_read32(base + SEND + CONTROL);
        const uint32_t receive = ql_read32(base + RECEIVE + CONTROL);
        if (((send | receive) & CONTROL_RESET) == 0 && (send & receive & CONTROL_ALWAYS_1) != 0) {
            break;
        }
        if (ql_timer_ticks() > end) {
            return fail(base, QL_DMA_NO_RESET);
        }
    }
    ql_write32(base + SEND + CONTROL, CONTROL_RUN | CONTROL_THRESHOLD_1);
    ql_write32(base + RECEIVE + CONTROL, CONTROL_RUN | CONTROL_THRESHOLD_1);
    return QL_DMA_OK;
}

static void begin(uintptr_t channel, const void *address, size_t bytes) {
    ql_write32(channel + ADDRESS, (uint32_t)(uintptr_t)address);
    ql_write32(channel + ADDRESS_HIGH, (uint32_t)((uint64_t)(uintptr_t)address >> 32));
    ql_write32(channel + LENGTH, (uint32_t)bytes);
}

/* 1: idle, 0: still busy, -1: error. */
static int state(uintptr_t channel) {
    const uint32_t status = ql_read32(channel + STATUS);
    return (status & STATUS_ERRORS) != 0 ? -1 : (status & STATUS_IDLE) != 0 ? 1 : 0;
}

void ql_dma_prepare(const void *send, size_t send_bytes) { ql_cache_clean(send, send_bytes); }

ql_dma_result ql_dma_start(uintptr_t base, const void *send, size_t send_bytes, void *receive, size_t receive_bytes) {
    if ((uintptr_t)send % QL_DMA_ALIGN_BYTES != 0 || (uintptr_t)receive % QL_CACHE_LINE != 0 ||
        send_bytes > QL_DMA_MAX_BYTES || receive_bytes > QL_DMA_MAX_BYTES) {
        return fail(base, QL_DMA_BAD_ADDRESS);
    }
    ql_cache_clean_invalidate(receive, receive_bytes);
    begin(base + RECEIVE, receive, receive_bytes);
    begin(base + SEND, send, send_bytes);
    return QL_DMA_OK;
}

ql_dma_result ql_dma_finish(uintptr_t base, void *receive, size_t receive_bytes, uint64_t timeout_ns) {
    const uint64_t end = ql_timer_ticks() + ql_timer_ticks_of_ns(timeout_ns);
    int sent = 0, received = 0;
    /* The results come last: sending is looked at only when they do not come. */
    while ((received = state(base + RECEIVE)) == 0) {
        if (ql_timer_ticks() > end) {
            sent = state(base + SEND);
            return fail(base, sent < 0    ? QL_DMA_SEND_ERROR
                              : sent == 0 ? QL_DMA_SEND_TIMEOUT
                                          : QL_DMA_RECEIVE_TIMEOUT);
        }
    }
    if (received < 0) {
        return fail(base, QL_DMA_RECEIVE_ERROR);
    }
    while ((sent = state(base + SEND)) == 0) {
        if (ql_timer_ticks() > end) {
            return fail(base, QL_DMA_SEND_TIMEOUT);
        }
    }
    if (sent < 0) {
        return fail(base, QL_DMA_SEND_ERROR);
    }
    if (ql_read32(base + RECEIVE + LENGTH) != receive_bytes) {
        return fail(base, QL_DMA_SHORT);
    }
    /* The processor may have fetched lines while the DMA wrote. */
    ql_cache_invalidate(receive, receive_bytes);
    return QL_DMA_OK;
}

ql_dma_result ql_dma_transfer(uintptr_t base, const void *send, size_t send_bytes, void *receive, size_t receive_bytes,
                              uint64_t timeout_ns) {
    ql_dma_result result;
    ql_dma_prepare(send, send_bytes);
    result = ql_dma_start(base, send, send_bytes, receive, receive_bytes);
    return result != QL_DMA_OK ? result : ql_dma_finish(base, receive, receive_bytes, timeout_ns);
}

const char *ql_dma_text(ql_dma_result result) {
    static const char *const texts[] = {"ok",
                                        "the DMA does not come out of reset",
                                        "a buffer is not aligned or too long",
                                        "the DMA cannot read the input",
                                        "the DMA cannot write the result",
                                        "the accelerator does not take the input",
                                        "the accelerator gives no result",
                                        "the accelerator gave a short result"};
    return texts[result];
}
