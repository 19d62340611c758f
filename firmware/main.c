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
/* Frames whose batches begin at addresses that the DMA cannot read are copied to where it can. */
#define COPIES (BATCH < QL_SAMPLES && SEND_BYTES % QL_DMA_ALIGN_BYTES != 0)

#define ALIGNED __attribute__((aligned(QL_CACHE_LINE)))
/* Two each: while the accelerator works on one batch the processor prepares the next and reads the one before. */
static unsigned char send_buffer[2][WHOLE_LINES(COPIES ? SEND_BYTES : 1)] ALIGNED;
static unsigned char receive_buffer[2][WHOLE_LINES(RECEIVE_BYTES)] ALIGNED;
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

#if QL_OUTPUT_REAL
/* The real number that the model means by a value. */
static float real_at(const unsigned char *frame, int index) {
    const int64_t value = value_at(frame, index);
#if QL_OUTPUT_VALUE_BYTES <= 4 && QL_OUTPUT_SIGNED
    const double number = (double)(int32_t)value;
#elif QL_OUTPUT_VALUE_BYTES <= 4
    const double number = (double)(uint32_t)value;
#else
    const double number = (double)(int32_t)(value >> 32) * 4294967296.0 + (double)(uint32_t)value;
#endif
    return ql_output_real(index, number);
}
typedef float compared;
#define COMPARED_AT real_at
#else
typedef int64_t compared;
#define COMPARED_AT value_at
#endif

/* The value itself, or the place of the first largest. */
static int label_of(const unsigned char *frame) {
    int best = 0;
    compared largest = COMPARED_AT(frame, 0);
    if (QL_OUTPUT_VALUES == 1) {
        return (int)value_at(frame, 0);
    }
    for (int i = 1; i < QL_OUTPUT_VALUES; ++i) {
        const compared value = COMPARED_AT(frame, i);
        if (value > largest) {
            largest = value;
            best = i;
        }
    }
    return best;
}

static void stop(int first, ql_dma_result result) {
    ql_printf("error: frames from %d on: %s (status 0x%08x)\n", first, ql_dma_text(result), (unsigned)ql_dma_status());
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

static int frames_from(int first) { return QL_SAMPLES - first < BATCH ? QL_SAMPLES - first : BATCH; }

/* Where the DMA finds the batch that begins with this frame. */
static const unsigned char *prepare(int first) {
    const size_t bytes = (size_t)frames_from(first) * QL_INPUT_BYTES;
    const unsigned char *frames = &ql_samples[(size_t)first * QL_INPUT_BYTES];
    if (COPIES) {
        unsigned char *copy = send_buffer[first / BATCH % 2];
        for (size_t i = 0; i < bytes; ++i) {
            copy[i] = frames[i];
        }
        frames = copy;
    }
    ql_dma_prepare(frames, bytes);
    return frames;
}

static void start(int first, const unsigned char *frames) {
    const size_t count = (size_t)frames_from(first);
    const ql_dma_result result = ql_dma_start(QL_DMA_BASE, frames, count * QL_INPUT_BYTES,
                                              receive_buffer[first / BATCH % 2], count * QL_OUTPUT_BYTES);
    if (result != QL_DMA_OK) {
        stop(first, result);
    }
}

static void finish(int first) {
    const uint64_t count = (uint64_t)frames_from(first);
    /* Ten times what the accelerator and a DMA of one byte a clock would take, and a millisecond. */
    const uint64_t patience = 10u * (count * (QL_FRAME_NS + 10u * QL_INPUT_BYTES) + QL_LATENCY_NS) + 1000000u;
    const ql_dma_result result = ql_dma_finish(QL_DMA_BASE, receive_buffer[first / BATCH % 2],
                                               (size_t)count * QL_OUTPUT_BYTES, patience);
    if (result != QL_DMA_OK) {
        stop(first, result);
    }
}

static void read_labels(int first) {
    const unsigned char *results = receive_buffer[first / BATCH % 2];
    for (int i = 0; i < frames_from(first); ++i) {
        labels[first + i] = label_of(&results[(size_t)i * QL_OUTPUT_BYTES]);
    }
}

int main(void) {
    uint64_t before, begin, end = 0;
    const unsigned char *frames;
    ql_dma_result result;

    ql_timer_init();
    ql_uart_init();
    ql_printf("qloom firmware on %s: %d frames, %d a transfer\n", QL_BOARD_NAME, QL_SAMPLES, (int)BATCH);
    result = ql_dma_init(QL_DMA_BASE);
    if (result != QL_DMA_OK) {
        ql_printf("error: %s (status 0x%08x)\n", ql_dma_text(result), (unsigned)ql_dma_status());
        ql_exit(1);
    }
    ql_printf("DMA up at 0x%08x\n", (unsigned)QL_DMA_BASE);

    before = ql_timer_ticks();
    frames = prepare(0);
    begin = ql_timer_ticks();
    start(0, frames);
    for (int first = 0; first < QL_SAMPLES; first += BATCH) {
        const int next = first + BATCH;
        if (next < QL_SAMPLES) {
            frames = prepare(next);
            finish(first);
            start(next, frames);
        } else {
            finish(first);
            end = ql_timer_ticks();
        }
        read_labels(first);
    }

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
    ql_printf("time %u us, %u frames/s (the first transfer was prepared in %u us before)\n",
              (unsigned)ql_timer_microseconds(end - begin),
              (unsigned)ql_divide((uint64_t)QL_SAMPLES * ql_timer_hz(), end - begin),
              (unsigned)ql_timer_microseconds(begin - before));
    ql_printf("done\n");
    ql_exit(0);
}
