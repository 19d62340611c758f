/* Moves frames through the accelerator by DMA and prints what comes back. */
#include "board.h"
#include "model.h"
#include "ql_cache.h"
#include "ql_dma.h"
#include "ql_runtime.h"
#include "ql_timer.h"
#include "ql_uart.h"
#include "samples.h"

#ifndef QL_BATCH
#define QL_BATCH 1 /* frames a transfer */
#endif
#ifndef QL_PRINT_FRAMES
#define QL_PRINT_FRAMES 0 /* 1: a line a frame */
#endif

#define WHOLE_LINES(bytes) (((bytes) + QL_CACHE_LINE - 1) / QL_CACHE_LINE * QL_CACHE_LINE)
#define BATCH (QL_BATCH < QL_SAMPLES ? QL_BATCH : QL_SAMPLES)
#define SEND_BYTES ((size_t)BATCH * QL_INPUT_BYTES)
#define RECEIVE_BYTES ((size_t)BATCH * QL_OUTPUT_BYTES)

#define ALIGNED __attribute__((aligned(QL_CACHE_LINE)))
static unsigned char send_buffer[WHOLE_LINES(SEND_BYTES)] ALIGNED; /* for frames that are not aligned for the DMA */
static unsigned char receive_buffer[WHOLE_LINES(RECEIVE_BYTES)] ALIGNED;
static int labels[QL_SAMPLES];

/* Value `index` of a frame of results: little endian, built of bytes, so that its place does not matter. */
static int64_t value_at(const unsigned char *frame, int index) {
    uint64_t value = 0;
    for (int i = QL_OUTPUT_VALUE_BYTES - 1; i >= 0; --i) {
        value = value << 8 | frame[index * QL_OUTPUT_VALUE_BYTES + i];
    }
#if QL_OUTPUT_SIGNED && QL_OUTPUT_VALUE_BYTES < 8
    if ((value >> (8 * QL_OUTPUT_VALUE_BYTES - 1) & 1u) != 0) {
        value |= ~(uint64_t)0 << (8 * QL_OUTPUT_VALUE_BYTES);
    }
#endif
    return (int64_t)value;
}

static int label_of(const unsigned char *frame) {
    int best = 0;
    if (QL_OUTPUT_VALUES == 1) {
        return (int)value_at(frame, 0);
    }
    for (int i = 1; i < QL_OUTPUT_VALUES; ++i) {
        if (value_at(frame, i) > value_at(frame, best)) {
            best = i;
        }
    }
    return best;
}

static void stop(ql_dma_result result) {
    ql_printf("error: %s (status 0x%08x)\n", ql_dma_text(result), (unsigned)ql_dma_status());
    ql_exit(1);
}

static void print_labels(void) {
    for (int i = 0; i < QL_SAMPLES; ++i) {
#if QL_PRINT_FRAMES
        ql_printf("frame %d: label %d", i, labels[i]);
#if QL_HAS_LABELS
        ql_printf(labels[i] == ql_sample_labels[i] ? ", right" : ", wrong (%d)", ql_sample_labels[i]);
#endif
        ql_printf("\n");
#else
        if (i % 20 == 0) {
            ql_printf("labels %d:", i);
        }
        ql_printf(" %d", labels[i]);
        if (i % 20 == 19 || i + 1 == QL_SAMPLES) {
            ql_printf("\n");
        }
#endif
    }
}

int main(void) {
    ql_dma_result result;
    uint64_t ticks = 0, microseconds;

    ql_timer_init();
    ql_uart_init();
    ql_printf("qloom firmware on %s: %d frames, %d a transfer\n", QL_BOARD_NAME, QL_SAMPLES, (int)BATCH);
    result = ql_dma_init(QL_DMA_BASE);
    if (result != QL_DMA_OK) {
        stop(result);
    }
    ql_printf("DMA up at 0x%08x\n", (unsigned)QL_DMA_BASE);

    for (int first = 0; first < QL_SAMPLES; first += BATCH) {
        const int count = QL_SAMPLES - first < BATCH ? QL_SAMPLES - first : BATCH;
        const unsigned char *frames = &ql_samples[(size_t)first * QL_INPUT_BYTES];
        const size_t bytes = (size_t)count * QL_INPUT_BYTES;
        /* Ten times what the accelerator and a DMA of one byte a clock would take, and a millisecond. */
        const uint64_t patience = 10u * ((uint64_t)count * (QL_FRAME_NS + 10u * QL_INPUT_BYTES) + QL_LATENCY_NS) + 1000000u;
        uint64_t begin;
        if ((uintptr_t)frames % QL_DMA_ALIGN_BYTES != 0) {
            for (size_t i = 0; i < bytes; ++i) {
                send_buffer[i] = frames[i];
            }
            frames = send_buffer;
        }
        begin = ql_timer_ticks();
        result = ql_dma_transfer(QL_DMA_BASE, frames, bytes, receive_buffer, (size_t)count * QL_OUTPUT_BYTES, patience);
        ticks += ql_timer_ticks() - begin;
        if (result != QL_DMA_OK) {
            ql_printf("error: frame %d of %d\n", first, QL_SAMPLES);
            stop(result);
        }
        for (int i = 0; i < count; ++i) {
            labels[first + i] = label_of(&receive_buffer[(size_t)i * QL_OUTPUT_BYTES]);
        }
    }
    microseconds = ql_timer_microseconds(ticks);

    print_labels();
#if QL_HAS_LABELS
    {
        int right = 0;
        unsigned share; /* hundredths of a percent */
        for (int i = 0; i < QL_SAMPLES; ++i) {
            right += labels[i] == ql_sample_labels[i];
        }
        share = (unsigned)ql_divide((uint64_t)right * 10000u, QL_SAMPLES);
        ql_printf("accuracy %d of %d (%u.%02u %%)\n", right, QL_SAMPLES, share / 100u, share % 100u);
    }
#endif
    ql_printf("time %u us, %u frames/s\n", (unsigned)microseconds,
              (unsigned)ql_divide((uint64_t)QL_SAMPLES * QL_TIMER_HZ, ticks == 0 ? 1u : ticks));
    ql_printf("done\n");
    ql_exit(0);
}
