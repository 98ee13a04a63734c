/* The program's entry, where the stack pointer is the address of the arguments. */

    .text
    .globl _start
    .hidden _start
    .type _start, %function
#if defined(__x86_64__)
_start:
    xorl %ebp, %ebp
    movq %rsp, %rdi
    andq $-16, %rsp
    callq start_c
    hlt
#elif defined(__aarch64__)
_start:
    mov x29, #0
    mov x30, #0
    mov x0, sp
    b start_c
#elif defined(__arm__)
    .arm
_start:
    mov fp, #0
    mov lr, #0
    mov r0, sp
    bic sp, sp, #7
    b start_c
#endif
    .size _start, . - _start

    .section .note.GNU-stack, "", %progbits
