#include <string.h>

#include "kern/internal.h"

static void use_portable(struct kern *kern)
{
    *kern = (struct kern){ .cpu = "portable" };
    kern_use_gemm(kern);
    kern_use_conv(kern);
    kern_use_layout(kern);
    kern_use_rows(kern);
    kern_use_integer(kern);
    kern_use_requantize(kern);
    kern_use_elementwise(kern);
    kern_use_bytes(kern);
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

static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}
#endif

/* From the least to the best; each builds on those above it. */
static const struct overlay {
    const char *name;
    bool (*runs)(void);
    void (*use)(struct kern *kern);
} overlays[] = {
    { "portable", always, use_portable },
#ifdef __x86_64__
    { "x86-avx2", has_avx2, kern_use_avx2 },
    { "x86-avx512", has_avx512, kern_use_avx512 },
#endif
};

int kern_init(struct kern *kern, const char *cpu, struct error *err)
{
    bool best = !cpu || strcmp(cpu, "auto") == 0;

    for (size_t i = 0; i < COUNT(overlays); i++) {
        const struct overlay *overlay = &overlays[i];
        bool asked = !best && strcmp(cpu, overlay->name) == 0;
        if (!overlay->runs()) {
            if (asked)
                return error_set(err, ERROR_USAGE, "this processor cannot run '%s' kernels", cpu);
            continue;
        }
        overlay->use(kern);
        kern->cpu = overlay->name;
        if (asked)
            return 0;
        if (i == 0)
            kern_use_blas(kern); /* overlays that have something faster replace it */
    }
    if (best)
        return 0;
    error_set(err, ERROR_USAGE, "unknown processor path '%.32s'", cpu);
    return error_hint(err, "known are auto, portable, x86-avx2, x86-avx512");
}
