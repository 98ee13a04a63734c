/* Runs the arithmetic of bionic/arm_arithmetic.c for the tests, without a C library: it reads pairs of 64-bit integers
 * and writes the results. */
#include <stdint.h>

struct pair {
    int64_t left;
    int64_t right;
};

struct answer {
    int64_t quotient;
    int64_t rest;
    uint64_t whole_quotient;
    uint64_t whole_rest;
    int32_t short_quotient;
    int32_t short_rest;
    uint32_t whole_short_quotient;
    uint32_t whole_short_rest;
    double real;
    double whole_real;
    int64_t back;
    uint64_t whole_back;
};

#define EXIT 1
#define READ 3
#define WRITE 4

static int ask(int call, int descriptor, void *bytes, int count) {
    register int number __asm__("r7") = call;
    register int first __asm__("r0") = descriptor;
    register void *second __asm__("r1") = bytes;
    register int third __asm__("r2") = count;
    __asm__ volatile("svc #0" : "+r"(first) : "r"(number), "r"(second), "r"(third) : "memory");
    return first;
}

void _start(void);

void _start(void) {
    struct pair pair;
    while (ask(READ, 0, &pair, sizeof pair) == (int)sizeof pair) {
        uint64_t left = (uint64_t)pair.left;
        uint64_t right = (uint64_t)pair.right;
        int32_t low = (int32_t)pair.left;
        int32_t by = (int32_t)pair.right;
        struct answer answer = {
            .quotient = pair.left / pair.right,
            .rest = pair.left % pair.right,
            .whole_quotient = left / right,
            .whole_rest = left % right,
            .short_quotient = low / by,
            .short_rest = low % by,
            .whole_short_quotient = (uint32_t)low / (uint32_t)by,
            .whole_short_rest = (uint32_t)low % (uint32_t)by,
            .real = (double)pair.left,
            .whole_real = (double)left,
        };
        answer.back = (int64_t)answer.real;
        answer.whole_back = (uint64_t)answer.whole_real;
        if (ask(WRITE, 1, &answer, sizeof answer) != (int)sizeof answer)
            break;
    }
    ask(EXIT, 0, 0, 0);
}
