#ifndef MOBILEBENCH_BIONIC_SCHED_H
#define MOBILEBENCH_BIONIC_SCHED_H

#include <string.h>
#include <sys/types.h>

/* A set of processors, as the C library's own macros see it: 1024 of them on 64 bits, 32 on 32 bits. */
#ifdef __LP64__
#define CPU_SETSIZE 1024
#else
#define CPU_SETSIZE 32
#endif

#define CPU_WORD_BITS (8 * sizeof(unsigned long))

typedef struct {
    unsigned long words[CPU_SETSIZE / (8 * sizeof(unsigned long))];
} cpu_set_t;

static inline void CPU_ZERO(cpu_set_t *set) {
    memset(set, 0, sizeof *set);
}

static inline void CPU_SET(size_t processor, cpu_set_t *set) {
    if (processor < CPU_SETSIZE)
        set->words[processor / CPU_WORD_BITS] |= 1UL << processor % CPU_WORD_BITS;
}

static inline void CPU_CLR(size_t processor, cpu_set_t *set) {
    if (processor < CPU_SETSIZE)
        set->words[processor / CPU_WORD_BITS] &= ~(1UL << processor % CPU_WORD_BITS);
}

static inline int CPU_ISSET(size_t processor, const cpu_set_t *set) {
    return processor < CPU_SETSIZE && (set->words[processor / CPU_WORD_BITS] >> processor % CPU_WORD_BITS & 1UL) != 0;
}

static inline int CPU_COUNT(const cpu_set_t *set) {
    int count = 0;
    for (size_t i = 0; i < sizeof set->words / sizeof *set->words; i++)
        count += __builtin_popcountl(set->words[i]);
    return count;
}

static inline int CPU_EQUAL(const cpu_set_t *left, const cpu_set_t *right) {
    return memcmp(left, right, sizeof *left) == 0;
}

int sched_getaffinity(pid_t process, size_t bytes, cpu_set_t *set);
int sched_setaffinity(pid_t process, size_t bytes, const cpu_set_t *set);
int sched_getcpu(void);
int sched_yield(void);

#endif
