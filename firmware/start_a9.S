@ Start-up of a Cortex-A9: vectors, core 1 parked, caches and TLB cleaned out, stacks, floating point, zeroed bss, main.
    .syntax unified
    .arm
    .section .vectors, "ax"
    .global _start
    .type _start, %function
_start:
    b   reset
    b   on_undefined
    b   on_svc
    b   on_prefetch_abort
    b   on_data_abort
    nop
    b   on_irq
    b   on_irq

    .text
reset:
    mrc p15, 0, r0, c0, c0, 5       @ which core: the others wait for ever
    ands r0, r0, #3
    bne park
    cpsid if
    mrc p15, 0, r0, c1, c0, 0       @ MMU, data cache and high vectors off whatever ran before
    bic r0, r0, #0x2000
    bic r0, r0, #0x5
    mcr p15, 0, r0, c1, c0, 0
    isb
    mov r0, #0
    mcr p15, 0, r0, c8, c7, 0       @ TLB
    mcr p15, 0, r0, c7, c5, 0       @ instruction cache
    mcr p15, 0, r0, c7, c5, 6       @ branch predictor
    dsb
    isb
    ldr r0, =_start
    mcr p15, 0, r0, c12, c0, 0      @ vectors

    @ The data cache holds anything after power-up: 4 ways of 256 sets of 32 bytes, invalidated one by one.
    mov r1, #0
1:  mov r2, #0
2:  orr r0, r2, r1
    mcr p15, 0, r0, c7, c6, 2
    add r2, r2, #0x20
    cmp r2, #0x2000
    bne 2b
    adds r1, r1, #0x40000000
    bne 1b
    dsb

    cps #0x12                       @ a stack for each mode that an exception can enter
    ldr sp, =ql_irq_stack_top
    cps #0x17
    ldr sp, =ql_abort_stack_top
    cps #0x1b
    ldr sp, =ql_undefined_stack_top
    cps #0x13
    ldr sp, =ql_svc_stack_top
    cps #0x1f
    ldr sp, =ql_stack_top

    mrc p15, 0, r0, c1, c0, 2       @ floating point on
    orr r0, r0, #0x00f00000
    mcr p15, 0, r0, c1, c0, 2
    isb
    mov r0, #0x40000000
    vmsr fpexc, r0

    ldr r0, =ql_bss_begin
    ldr r1, =ql_bss_end
    mov r2, #0
3:  cmp r0, r1
    strlo r2, [r0], #4
    blo 3b

    bl  ql_mmu_enable
    bl  main
    b   ql_exit

park:
    wfe
    b   park

@ Exceptions: say which, where, at which address and with which status, and stop.
on_undefined:
    sub r1, lr, #4
    mov r2, #0
    mov r3, #0
    mov r0, #1
    b   fault
on_svc:
    sub r1, lr, #4
    mov r2, #0
    mov r3, #0
    mov r0, #2
    b   fault
on_prefetch_abort:
    sub r1, lr, #4
    mrc p15, 0, r2, c6, c0, 2
    mrc p15, 0, r3, c5, c0, 1
    mov r0, #3
    b   fault
on_data_abort:
    sub r1, lr, #8
    mrc p15, 0, r2, c6, c0, 0
    mrc p15, 0, r3, c5, c0, 0
    mov r0, #4
    b   fault
on_irq:
    sub r1, lr, #4
    mov r2, #0
    mov r3, #0
    mov r0, #6
fault:
    cps #0x1f
    ldr sp, =ql_stack_top           @ whatever was wrong with the old one
    bl  ql_fault
    b   park

    .global ql_halt
    .type ql_halt, %function
ql_halt:
    dsb
    wfi
    b   ql_halt
