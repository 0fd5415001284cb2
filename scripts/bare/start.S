/* start.S - from what a multiboot loader leaves to a C function, kernels, in 64 bits with all vector registers. */
    .section .multiboot, "a"
    .align 4
    .long 0x1badb002, 0, -0x1badb002
    .text
    .code32
    .globl start
start:
    cli
    mov $stack_end, %esp
    /* pages of 2 MB, the first 512 of them */
    mov $middle, %edi
    mov $0x83, %eax
    mov $512, %ecx
1:  mov %eax, (%edi)
    movl $0, 4(%edi)
    add $0x200000, %eax
    add $8, %edi
    loop 1b
    movl $middle + 3, upper
    movl $upper + 3, top
    mov $top, %eax
    mov %eax, %cr3
    mov $0x40620, %eax /* PAE, OSFXSR, OSXMMEXCPT, OSXSAVE */
    mov %eax, %cr4
    mov $0xc0000080, %ecx
    rdmsr
    or $0x100, %eax
    wrmsr
    mov %cr0, %eax
    and $~0xc, %eax
    or $0x80000003, %eax
    mov %eax, %cr0
    lgdt table
    ljmp $8, $long_mode
    .code64
long_mode:
    mov $16, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov $stack_end, %rsp
    xor %ecx, %ecx
    xor %edx, %edx
    mov $0xe7, %eax /* x87, SSE, AVX, and what AVX-512 adds: an operating system's part */
    xsetbv
    call kernels
    mov $0x8900, %dx /* where bochs is told to end */
    lea off(%rip), %rsi
    mov $8, %ecx
    rep outsb
1:  hlt
    jmp 1b
off: .ascii "Shutdown"
    .data
    .align 16
gdt: .quad 0, 0x00af9a000000ffff, 0x00cf92000000ffff
table: .word 23
    .long gdt
    .bss
    .align 4096
top: .skip 4096
upper: .skip 4096
middle: .skip 4096
    .skip 262144
stack_end:
