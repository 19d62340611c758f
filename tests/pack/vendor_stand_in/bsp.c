/* The vendor's driver and BSP, over the verilated system. Memory is not coherent: what the processor wrote reaches the DMA with a
 * flush, what the DMA wrote reaches the processor with an invalidate. A buffer of the program stands at its own place in the
 * system's memory, in the order of first use. */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xaxidma.h"
#include "xil_cache.h"
#include "xil_printf.h"
#include "xtime_l.h"

#define BASE 0x10000000u
#define BYTES (1u << 22)
#define SLOTS 4
#define SLOT_BYTES (BYTES / SLOTS)

static void *library, *opened;
static u8 *memory;
static int (*read_register)(void *, u32, u32 *);
static int (*write_register)(void *, u32, u32);
static u64 (*cycles)(void *);
static UINTPTR places[SLOTS];

static void *find(const char *name) {
    void *symbol = dlsym(library, name);
    if (symbol == NULL) abort();
    return symbol;
}

/* Offset in the system's memory of an address of the program. */
static u32 offset_of(UINTPTR address) {
    int slot;
    for (slot = 0; slot < SLOTS; ++slot) {
        if (places[slot] == 0) places[slot] = address;
        if (places[slot] == address) return (u32)slot * SLOT_BYTES;
    }
    abort();
}

XAxiDma_Config *XAxiDma_LookupConfig(u32 id) {
    static XAxiDma_Config config;
    (void)id;
    library = dlopen(getenv("QLOOM_SYSTEM_LIBRARY"), RTLD_NOW);
    if (library == NULL) return NULL;
    opened = ((void *(*)(const char *, const char *, u64, u64))find("qs_open"))(getenv("QLOOM_SYSTEM_MODEL"),
                                                                               getenv("QLOOM_SYSTEM_DATA"), BASE, BYTES);
    if (opened == NULL) return NULL;
    read_register = (int (*)(void *, u32, u32 *))find("qs_read");
    write_register = (int (*)(void *, u32, u32))find("qs_write");
    cycles = (u64(*)(void *))find("qs_cycles");
    memory = ((u8 * (*)(void *)) find("qs_memory"))(opened);
    return &config;
}

u32 XAxiDma_ReadReg(UINTPTR base, u32 offset) {
    u32 value = 0;
    if (read_register(opened, (u32)base + offset, &value) != 0) abort();
    return value;
}
static void set(u32 offset, u32 value) {
    if (write_register(opened, offset, value) != 0) abort();
}
int XAxiDma_CfgInitialize(XAxiDma *dma, XAxiDma_Config *config) {
    dma->RegBase = config->BaseAddr;
    set(0x00, 4);
    while ((XAxiDma_ReadReg(0, 0x00) & 4) != 0) {
    }
    return XST_SUCCESS;
}
int XAxiDma_HasSg(const XAxiDma *dma) {
    (void)dma;
    return 0;
}
void XAxiDma_IntrDisable(XAxiDma *dma, u32 mask, int direction) {
    const u32 channel = direction == XAXIDMA_DEVICE_TO_DMA ? XAXIDMA_RX_OFFSET : XAXIDMA_TX_OFFSET;
    set((u32)dma->RegBase + channel, XAxiDma_ReadReg(dma->RegBase, channel) & ~mask);
}
u32 XAxiDma_SimpleTransfer(XAxiDma *dma, UINTPTR buffer, u32 length, int direction) {
    const u32 channel = (u32)dma->RegBase + (direction == XAXIDMA_DEVICE_TO_DMA ? XAXIDMA_RX_OFFSET : XAXIDMA_TX_OFFSET);
    const u32 status = XAxiDma_ReadReg(channel, XAXIDMA_SR_OFFSET);
    if ((status & 1) == 0 && (status & 2) == 0) return XST_FAILURE; /* running and not idle */
    set(channel, XAxiDma_ReadReg(channel, 0) | 1);
    set(channel + 0x18, BASE + offset_of(buffer));
    set(channel + 0x28, length);
    return XST_SUCCESS;
}
u32 XAxiDma_Busy(XAxiDma *dma, int direction) {
    const u32 channel = direction == XAXIDMA_DEVICE_TO_DMA ? XAXIDMA_RX_OFFSET : XAXIDMA_TX_OFFSET;
    return (XAxiDma_ReadReg(dma->RegBase + channel, XAXIDMA_SR_OFFSET) & 2) == 0;
}
void Xil_DCacheFlushRange(UINTPTR address, u32 bytes) { memcpy(memory + offset_of(address), (const void *)address, bytes); }
void Xil_DCacheInvalidateRange(UINTPTR address, u32 bytes) { memcpy((void *)address, memory + offset_of(address), bytes); }
void xil_printf(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
}
void XTime_GetTime(XTime *time) { *time = cycles(opened) * 3; }
