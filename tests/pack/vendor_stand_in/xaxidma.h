/* As much of the vendor's standalone BSP as the packaged application uses, over the verilated system. */
#ifndef XAXIDMA_H
#define XAXIDMA_H

#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;
typedef uintptr_t UINTPTR;

#define XST_SUCCESS 0L
#define XST_FAILURE 1L
#define XAXIDMA_DMA_TO_DEVICE 0x00
#define XAXIDMA_DEVICE_TO_DMA 0x01
#define XAXIDMA_TX_OFFSET 0x00
#define XAXIDMA_RX_OFFSET 0x30
#define XAXIDMA_SR_OFFSET 0x04
#define XAXIDMA_ERR_ALL_MASK 0x00000770
#define XAXIDMA_IRQ_ALL_MASK 0x00007000

typedef struct {
    UINTPTR BaseAddr;
} XAxiDma_Config;
typedef struct {
    UINTPTR RegBase;
} XAxiDma;

XAxiDma_Config *XAxiDma_LookupConfig(u32 id);
int XAxiDma_CfgInitialize(XAxiDma *dma, XAxiDma_Config *config);
int XAxiDma_HasSg(const XAxiDma *dma);
void XAxiDma_IntrDisable(XAxiDma *dma, u32 mask, int direction);
u32 XAxiDma_SimpleTransfer(XAxiDma *dma, UINTPTR buffer, u32 length, int direction);
u32 XAxiDma_Busy(XAxiDma *dma, int direction);
u32 XAxiDma_ReadReg(UINTPTR base, u32 offset);

#endif
