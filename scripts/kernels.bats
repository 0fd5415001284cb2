# release alone: scripts are tried, not memory. Sums of a strip of pixels stay in registers: check-kernels has been seen to refuse, and what is built passes.

bats_require_minimum_version 1.5.0
load /usr/lib/bats/bats-support/load
load /usr/lib/bats/bats-assert/load

setup() {
    cd "$BATS_TEST_TMPDIR"
    case $(uname -m) in x86_64) ;; *) skip "x86 alone" ;; esac
}

# NAME BEFORE INSIDE AFTER: a function whose loop has one instruction more.
function_of() {
    cat >>loop.s <<END
    .text
    .globl $1
$1:
    $2
    xor %eax, %eax
1:  vfmadd231ps (%rdi), %ymm1, %ymm0
    $3
    inc %eax
    cmp %eax, %ecx
    jne 1b
    $4
    ret
END
}

check() {
    cc -c loop.s -o loop.o
    "$BATS_TEST_DIRNAME/check-kernels" loop.o
}

@test "kernels: a loop that keeps its sums passes, whatever it does before and after" {
    function_of strip_6x2 "vmovaps %ymm3, -32(%rsp)" "vmovups (%rdx), %ymm2" "vmovaps -32(%rsp), %ymm3"
    function_of plane_strip_6x2 "mov %rdx, %rbp" "vmovups 64(%rbp), %ymm2" nop # %rbp is a pointer like others
    function_of strip_1x1 nop "mov -8(%rsp), %rsi" nop                          # a pointer may lie there
    function_of elsewhere nop "vmovaps -32(%rsp), %ymm3" nop                    # no strip
    run -0 check
    assert_output ""
}

@test "kernels: vectors that go over the stack in a loop are found" {
    function_of strip_6x2 nop "vmovaps %ymm3, -32(%rsp)" nop
    function_of plane_strip_4x3 nop "vfmadd231ps 96(%rsp), %zmm1, %zmm0" nop
    function_of depth_strip_12x1 "mov %rsp, %rbp" "vmovups -64(%rbp), %xmm2" nop
    run -1 check
    assert_line "loop.o: a loop of strip_6x2 goes over the stack: vmovaps %ymm3,-0x20(%rsp)"
    assert_line "loop.o: a loop of plane_strip_4x3 goes over the stack: vfmadd231ps 0x60(%rsp),%zmm1,%zmm0"
    assert_line "loop.o: a loop of depth_strip_12x1 goes over the stack: vmovups -0x40(%rbp),%xmm2"
}

@test "kernels: an object without strips is not what was meant" {
    function_of elsewhere nop nop nop
    run -1 check
    assert_output "loop.o: no strip is in it"
}

@test "kernels: the strips that were built keep their sums in registers" {
    [[ ${MODE:-release} == release ]] || skip "sanitizers and less optimisation go over the stack"
    built=${COEDGE:-$BATS_TEST_DIRNAME/../build/release/coedge}
    run -0 "$BATS_TEST_DIRNAME/check-kernels" "${built%/coedge}"/lib/kern/x86-*/block.o \
        "${built%/coedge}"/lib/kern/x86-avx{2,vnni}/block_integer.o "${built%/coedge}"/lib/kern/x86-vbmi/block_quads.o
    assert_output ""
}
