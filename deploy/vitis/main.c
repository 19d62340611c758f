/* The firmware's application on Xilinx' own driver, for those who build in Vitis: add this file, model.h and samples.h of the folder
 * above to a standalone application made from the .xsa. Prints what the firmware prints. */
#include "model.h"
#include "samples.h"
#include "xaxidma.h"
#include "xil_cache.h"
#include "xil_printf.h"
#include "xparameters.h"
#include "xtime_l.h"

#ifndef QL_BATCH
#define QL_BATCH 100 /* frames a transfer */
#endif
#define BATCH (QL_BATCH < QL_SAMPLES ? QL_BATCH : QL_SAMPLES)
#define LINE 64 /* no less than a cache line */
#define WHOLE_LINES(bytes) (((bytes) + LINE - 1) / LINE * LINE)

/* Which DMA: by address since 2023.2 (system device tree), by number before. */
#ifdef SDT
#define DMA_ID XPAR_XAXIDMA_0_BASEADDR
#else
#define DMA_ID XPAR_AXIDMA_0_DEVICE_ID
#endif

static u8 send_buffer[WHOLE_LINES(BATCH * QL_INPUT_BYTES)] __attribute__((aligned(LINE)));
static u8 receive_buffer[WHOLE_LINES(BATCH * QL_OUTPUT_BYTES)] __attribute__((aligned(LINE)));
static int labels[QL_SAMPLES];
static XAxiDma dma;

static s64 value_at(const u8 *frame, int index) {
    u64 value = 0;
    int i;
    for (i = QL_OUTPUT_VALUE_BYTES - 1; i >= 0; --i) {
        value = value << 8 | frame[index * QL_OUTPUT_VALUE_BYTES + i];
    }
#if QL_OUTPUT_SIGNED && QL_OUTPUT_VALUE_BYTES < 8
    if ((value >> (8 * QL_OUTPUT_VALUE_BYTES - 1) & 1u) != 0) {
        value |= ~(u64)0 << (8 * QL_OUTPUT_VALUE_BYTES);
    }
#endif
    return (s64)value;
}

#if QL_OUTPUT_REAL
/* The real number that the model means by a value. */
static float compared(const u8 *frame, int index) { return ql_output_real(index, (double)value_at(frame, index)); }
#else
static s64 compared(const u8 *frame, int index) { return value_at(frame, index); }
#endif

/* The value itself, or the place of the first largest. */
static int label_of(const u8 *frame) {
    int best = 0, i;
    if (QL_OUTPUT_VALUES == 1) {
        return (int)value_at(frame, 0);
    }
    for (i = 1; i < QL_OUTPUT_VALUES; ++i) {
        if (compared(frame, i) > compared(frame, best)) {
            best = i;
        }
    }
    return best;
}

/* Waits until a direction is idle: 0, or -1 after an error or ten seconds. */
static int wait_for(int direction) {
    const UINTPTR base = dma.RegBase + (direction == XAXIDMA_DEVICE_TO_DMA ? XAXIDMA_RX_OFFSET : XAXIDMA_TX_OFFSET);
    XTime begin, now;
    XTime_GetTime(&begin);
    for (;;) {
        const u32 status = XAxiDma_ReadReg(base, XAXIDMA_SR_OFFSET);
        if ((status & XAXIDMA_ERR_ALL_MASK) != 0) {
            xil_printf("error: status 0x%08x\r\n", (unsigned)status);
            return -1;
        }
        if (!XAxiDma_Busy(&dma, direction)) {
            return 0;
        }
        XTime_GetTime(&now);
        if (now - begin > (XTime)10 * COUNTS_PER_SECOND) {
            xil_printf("error: no end of the transfer, status 0x%08x\r\n", (unsigned)status);
            return -1;
        }
    }
}

static int run(int first, int count) {
    const u32 in_bytes = (u32)count * QL_INPUT_BYTES, out_bytes = (u32)count * QL_OUTPUT_BYTES;
    u32 i;
    for (i = 0; i < in_bytes; ++i) {
        send_buffer[i] = ql_samples[(u32)first * QL_INPUT_BYTES + i];
    }
    Xil_DCacheFlushRange((UINTPTR)send_buffer, in_bytes);
    Xil_DCacheFlushRange((UINTPTR)receive_buffer, WHOLE_LINES(out_bytes));
    /* The receiving side first: results come while frames still go out. */
    if (XAxiDma_SimpleTransfer(&dma, (UINTPTR)receive_buffer, out_bytes, XAXIDMA_DEVICE_TO_DMA) != XST_SUCCESS ||
        XAxiDma_SimpleTransfer(&dma, (UINTPTR)send_buffer, in_bytes, XAXIDMA_DMA_TO_DEVICE) != XST_SUCCESS) {
        xil_printf("error: the DMA refuses a transfer\r\n");
        return -1;
    }
    if (wait_for(XAXIDMA_DMA_TO_DEVICE) != 0 || wait_for(XAXIDMA_DEVICE_TO_DMA) != 0) {
        return -1;
    }
    /* What the processor fetched meanwhile is old. */
    Xil_DCacheInvalidateRange((UINTPTR)receive_buffer, WHOLE_LINES(out_bytes));
    for (i = 0; i < (u32)count; ++i) {
        labels[(u32)first + i] = label_of(&receive_buffer[i * QL_OUTPUT_BYTES]);
    }
    return 0;
}

int main(void) {
    XAxiDma_Config *config = XAxiDma_LookupConfig(DMA_ID);
    XTime begin, end;
    int first, i;
    u32 microseconds;
    if (config == NULL || XAxiDma_CfgInitialize(&dma, config) != XST_SUCCESS || XAxiDma_HasSg(&dma)) {
        xil_printf("error: there is no DMA in simple mode\r\n");
        return 1;
    }
    XAxiDma_IntrDisable(&dma, XAXIDMA_IRQ_ALL_MASK, XAXIDMA_DEVICE_TO_DMA);
    XAxiDma_IntrDisable(&dma, XAXIDMA_IRQ_ALL_MASK, XAXIDMA_DMA_TO_DEVICE);
    xil_printf("qloom in Vitis: %d frames, %d a transfer\r\n", QL_SAMPLES, BATCH);

    XTime_GetTime(&begin);
    for (first = 0; first < QL_SAMPLES; first += BATCH) {
        if (run(first, QL_SAMPLES - first < BATCH ? QL_SAMPLES - first : BATCH) != 0) {
            return 1;
        }
    }
    XTime_GetTime(&end);
    microseconds = (u32)((end - begin) / (COUNTS_PER_SECOND / 1000000));

    for (i = 0; i < QL_SAMPLES; ++i) {
        if (i % 20 == 0) {
            xil_printf("labels %d:", i);
        }
        xil_printf(" %d", labels[i]);
        if (i % 20 == 19 || i + 1 == QL_SAMPLES) {
            xil_printf("\r\n");
        }
    }
#if QL_HAS_LABELS
    {
        int right = 0;
        for (i = 0; i < QL_SAMPLES; ++i) {
            right += labels[i] == ql_sample_labels[i];
        }
        xil_printf("accuracy %d of %d\r\n", right, QL_SAMPLES);
    }
#endif
    xil_printf("time %d us, copying included\r\n", (int)microseconds);
    xil_printf("done\r\n");
    return 0;
}
