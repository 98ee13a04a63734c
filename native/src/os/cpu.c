#include "os/cpu.h"

#include <stdbool.h>
#include <stdint.h>

#if defined(__x86_64__) || defined(__i386__)

#include <cpuid.h>

enum cpuid_register { EAX, EBX, ECX, EDX };

struct feature {
    const char *name;
    unsigned int leaf;
    unsigned int subleaf;
    enum cpuid_register where;
    unsigned int bit;
    /* The register state that the system has to save for this feature (bits of XCR0). */
    unsigned int state;
};

#define NONE 0x0U
#define AVX_STATE 0x6U
#define AVX512_STATE 0xE6U
#define AMX_STATE 0x60000U

static const struct feature features[] = {
    {"sse4_1", 1, 0, ECX, 19, NONE},
    {"sse4_2", 1, 0, ECX, 20, NONE},
    {"avx", 1, 0, ECX, 28, AVX_STATE},
    {"fma", 1, 0, ECX, 12, AVX_STATE},
    {"f16c", 1, 0, ECX, 29, AVX_STATE},
    {"avx2", 7, 0, EBX, 5, AVX_STATE},
    {"avx512f", 7, 0, EBX, 16, AVX512_STATE},
    {"avx512dq", 7, 0, EBX, 17, AVX512_STATE},
    {"avx512bw", 7, 0, EBX, 30, AVX512_STATE},
    {"avx512vl", 7, 0, EBX, 31, AVX512_STATE},
    {"avx512_vnni", 7, 0, ECX, 11, AVX512_STATE},
    {"avx512_fp16", 7, 0, EDX, 23, AVX512_STATE},
    {"amx_bf16", 7, 0, EDX, 22, AMX_STATE},
    {"amx_tile", 7, 0, EDX, 24, AMX_STATE},
    {"amx_int8", 7, 0, EDX, 25, AMX_STATE},
    {"avx_vnni", 7, 1, EAX, 4, AVX_STATE},
    {"avx512_bf16", 7, 1, EAX, 5, AVX512_STATE},
};

static unsigned int saved_state(void) {
    unsigned int answer[4] = {0};
    if (!__get_cpuid(1, &answer[EAX], &answer[EBX], &answer[ECX], &answer[EDX]) || !(answer[ECX] & (1U << 27)))
        return 0;
    unsigned int low = 0;
    unsigned int high = 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static bool present(const struct feature *feature, unsigned int state) {
    unsigned int answer[4] = {0};
    if (!__get_cpuid_count(feature->leaf, feature->subleaf, &answer[EAX], &answer[EBX], &answer[ECX], &answer[EDX]))
        return false;
    return (answer[feature->where] >> feature->bit & 1U) && (state & feature->state) == feature->state;
}

size_t cpu_features(const char *names[MAX_CPU_FEATURES]) {
    unsigned int state = saved_state();
    size_t count = 0;
    for (size_t i = 0; i < sizeof features / sizeof *features; i++) {
        if (present(&features[i], state))
            names[count++] = features[i].name;
    }
    return count;
}

#elif defined(__aarch64__) || defined(__arm__)

#include <sys/auxv.h>

#ifndef AT_HWCAP2
#define AT_HWCAP2 26
#endif

struct feature {
    const char *name;
    unsigned long word;
    unsigned int bit;
};

static const struct feature features[] = {
#if defined(__aarch64__)
    {"asimd", AT_HWCAP, 1},    {"fphp", AT_HWCAP, 9},   {"asimdhp", AT_HWCAP, 10},
    {"asimddp", AT_HWCAP, 20}, {"sve", AT_HWCAP, 22},   {"sve2", AT_HWCAP2, 1},
    {"i8mm", AT_HWCAP2, 13},   {"bf16", AT_HWCAP2, 14}, {"sme", AT_HWCAP2, 23},
#else
    {"neon", AT_HWCAP, 12},
    {"vfpv4", AT_HWCAP, 16},
    {"fphp", AT_HWCAP, 22},
    {"asimdhp", AT_HWCAP, 23},
#endif
};

size_t cpu_features(const char *names[MAX_CPU_FEATURES]) {
    size_t count = 0;
    for (size_t i = 0; i < sizeof features / sizeof *features; i++) {
        if (getauxval(features[i].word) >> features[i].bit & 1UL)
            names[count++] = features[i].name;
    }
    return count;
}

#else

size_t cpu_features(const char *names[MAX_CPU_FEATURES]) {
    (void)names;
    return 0;
}

#endif
