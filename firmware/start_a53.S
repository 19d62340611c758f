// Start-up of a Cortex-A53 at any exception level: other cores parked, caches written back and off, vectors, stack, zeroed bss, main.
    .section .vectors, "ax"
    .global _start
    .type _start, %function
_start:
    b   reset

    .macro vector kind
    .balign 0x80
    mov x0, #\kind
    b   fault
    .endm

    // Four groups (own stack pointer or not, from 64 or 32 bit code below) of synchronous, IRQ, FIQ, SError.
    .balign 0x800
vectors:
    .rept 4
    vector 7
    vector 6
    vector 6
    vector 8
    .endr

    .text
reset:
    msr daifset, #15
    mrs x0, mpidr_el1               // which core: the others wait for ever
    and x0, x0, #0xff
    cbnz x0, park

    // The core joins coherency before its caches are used or cleaned, as this processor wants it; only the highest level may, and a
    // boot loader that has left it did.
    mrs x0, CurrentEL
    cmp x0, #0xc
    b.ne 1f
    mrs x0, S3_1_c15_c2_1           // CPUECTLR_EL1.SMPEN
    orr x0, x0, #0x40
    msr S3_1_c15_c2_1, x0
    isb
1:
    // Whatever a boot loader left in the caches goes to memory, then they are off.
    bl  clean_all
    ldr x1, =vectors
    mrs x0, CurrentEL
    cmp x0, #0xc
    b.eq el3
    cmp x0, #0x8
    b.eq el2

el1:
    mrs x0, sctlr_el1
    bic x0, x0, #0x1                // MMU
    bic x0, x0, #0x4                // data cache
    msr sctlr_el1, x0
    msr vbar_el1, x1
    mov x0, #0x300000               // floating point on
    msr cpacr_el1, x0
    b   on
el2:
    mrs x0, sctlr_el2
    bic x0, x0, #0x1
    bic x0, x0, #0x4
    msr sctlr_el2, x0
    msr vbar_el2, x1
    mrs x0, cptr_el2
    bic x0, x0, #0x400
    msr cptr_el2, x0
    b   on
el3:
    mrs x0, sctlr_el3
    bic x0, x0, #0x1
    bic x0, x0, #0x4
    msr sctlr_el3, x0
    msr vbar_el3, x1
    mrs x0, cptr_el3
    bic x0, x0, #0x400
    msr cptr_el3, x0
on:
    isb
    ic  iallu
    dsb sy
    isb
    msr spsel, #1
    ldr x0, =ql_stack_top
    mov sp, x0

    ldr x0, =ql_bss_begin
    ldr x1, =ql_bss_end
1:  cmp x0, x1
    b.hs 2f
    str xzr, [x0], #8
    b   1b
2:
    bl  ql_mmu_enable
    bl  main
    b   ql_exit

park:
    wfe
    b   park

// Every data cache level by set and way, clean and invalidate; no stack is used.
clean_all:
    dsb sy
    mrs x0, clidr_el1
    ubfx w3, w0, #24, #3            // levels up to the point of coherency
    cbz w3, 6f
    mov w10, #0                     // level
3:  add w2, w10, w10, lsl #1
    lsr w1, w0, w2
    and w1, w1, #7                  // 2 and more: there is a data cache
    cmp w1, #2
    b.lt 5f
    lsl w1, w10, #1
    msr csselr_el1, x1
    isb
    mrs x1, ccsidr_el1
    and w2, w1, #7
    add w2, w2, #4                  // log2 of the bytes of a line
    ubfx w4, w1, #3, #10            // last way
    clz w5, w4                      // where the way stands in the operand
    ubfx w7, w1, #13, #15           // last set
4:  mov w9, w4
7:  lsl w6, w9, w5
    orr w11, w6, w10, lsl #1
    lsl w6, w7, w2
    orr w11, w11, w6
    dc  cisw, x11
    subs w9, w9, #1
    b.ge 7b
    subs w7, w7, #1
    b.ge 4b
5:  add w10, w10, #1
    cmp w10, w3
    b.lt 3b
6:  dsb sy
    isb
    ret

// An exception: say which and where, and stop. x0 holds the kind.
fault:
    mrs x4, CurrentEL
    cmp x4, #0xc
    b.eq 1f
    cmp x4, #0x8
    b.eq 2f
    mrs x1, elr_el1
    mrs x2, far_el1
    mrs x3, esr_el1
    b   3f
1:  mrs x1, elr_el3
    mrs x2, far_el3
    mrs x3, esr_el3
    b   3f
2:  mrs x1, elr_el2
    mrs x2, far_el2
    mrs x3, esr_el2
3:  ldr x4, =ql_stack_top           // whatever was wrong with the old one
    mov sp, x4
    bl  ql_fault
    b   park

    .global ql_halt
    .type ql_halt, %function
ql_halt:
    dsb sy
    wfi
    b   ql_halt
