#include <string.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif
#ifdef __aarch64__
#include <sys/auxv.h>
#endif

#include "kern/internal.h"

static void use_portable(struct kern *kern)
{
    *kern = (struct kern){ .cpu = "portable" };
    kern_use_gemm(kern);
    kern_use_conv(kern);
    kern_use_transform(kern);
    kern_use_depthwise(kern);
    kern_use_layout(kern);
    kern_use_block(kern);
    kern_use_block_integer(kern);
    kern_use_rows(kern);
    kern_use_integer(kern);
    kern_use_requantize(kern);
    kern_use_elementwise(kern);
    kern_use_bytes(kern);
    kern_use_chains(kern);
    kern_use_pixels(kern);
}

static bool always(void)
{
    return true;
}

#ifdef __x86_64__
static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

/* clang 14 has no name for it; where there is one it is not asked of the host each time, which takes it 20 us. */
static bool has_avxvnni(void)
{
#ifdef __clang__
    unsigned a, b, c, d;

    return has_avx2() && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1) != 0;
#else
    return has_avx2() && __builtin_cpu_supports("avxvnni");
#endif
}

static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

static bool has_vnni(void)
{
    return has_avx512() && __builtin_cpu_supports("avx512vnni");
}

static bool has_vbmi(void)
{
    return has_vnni() && __builtin_cpu_supports("avx512vbmi");
}
#endif

#ifdef __aarch64__
static bool has_dot(void)
{
    return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
}

static bool has_i8mm(void)
{
    return has_dot() && (getauxval(AT_HWCAP2) & HWCAP2_I8MM) != 0;
}
#endif

/* From the least to the best; each builds on those above it. */
static const struct overlay {
    const char *name, *lacking;
    bool (*runs)(void);
    void (*use)(struct kern *kern);
} overlays[] = {
    { "portable", NULL, always, use_portable },
    { "openblas", "this build has no OpenBLAS", kern_has_blas, kern_use_blas },
#ifdef __x86_64__
    { "x86-avx2", "this processor has no AVX2 with FMA", has_avx2, kern_use_avx2 },
    { "x86-avxvnni", "this processor has no AVX-VNNI", has_avxvnni, kern_use_avxvnni },
    { "x86-avx512", "this processor has no AVX-512 with BW, DQ and VL", has_avx512, kern_use_avx512 },
    { "x86-vnni", "this processor has no AVX-512 with VNNI", has_vnni, kern_use_vnni },
    { "x86-vbmi", "this processor has no AVX-512 with VNNI and VBMI", has_vbmi, kern_use_vbmi },
#endif
#ifdef __aarch64__
    { "arm-neon", NULL, always, kern_use_neon },
    { "arm-dot", "this processor has no dot products of bytes", has_dot, kern_use_dot },
    { "arm-i8mm", "this processor has no products of signed and unsigned bytes", has_i8mm, kern_use_i8mm },
#endif
};

const char *kern_path(size_t i)
{
    for (size_t row = 0; row < COUNT(overlays); row++)
        if (overlays[row].runs() && i-- == 0)
            return overlays[row].name;
    return NULL;
}

void kern_add_paths(struct text *text)
{
    for (size_t i = 0; kern_path(i); i++)
        text_printf(text, "%s%s", i > 0 ? ", " : "", kern_path(i));
}

static int hint_paths(struct error *err)
{
    struct text paths = { 0 };

    kern_add_paths(&paths);
    error_hint(err, "known here are auto, %s", paths.failed ? "portable" : paths.chars);
    text_free(&paths);
    return -1;
}

int kern_init(struct kern *kern, const char *cpu, struct error *err)
{
    bool best = !cpu || strcmp(cpu, "auto") == 0;

    for (size_t i = 0; i < COUNT(overlays); i++) {
        const struct overlay *overlay = &overlays[i];
        bool asked = !best && strcmp(cpu, overlay->name) == 0;
        if (!overlay->runs()) {
            if (!asked)
                continue;
            error_set(err, ERROR_USAGE, "no '%s' kernels: %s", cpu, overlay->lacking);
            return hint_paths(err);
        }
        overlay->use(kern);
        kern->cpu = overlay->name;
        if (asked)
            return 0;
    }
    if (best)
        return 0;
    error_set(err, ERROR_USAGE, "unknown processor path '%.32s'", cpu);
    return hint_paths(err);
}
