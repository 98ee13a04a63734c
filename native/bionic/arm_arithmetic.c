/* The functions that 32-bit ARM compilers call for arithmetic, with the names and registers of its run-time ABI:
 * division, and conversion between 64-bit integers and doubles. Doubles are passed in integer registers, as always in
 * this ABI. */
#include <stdint.h>

#define TWO_TO_32 4294967296.0

struct quotient {
    uint64_t whole;
    uint64_t rest;
};

void arm_divide(uint64_t number, uint64_t by, struct quotient *answer);
void arm_divide_signed(int64_t number, int64_t by, struct quotient *answer);
void __aeabi_uldivmod(void);
void __aeabi_ldivmod(void);
uint64_t __aeabi_uidivmod(uint32_t number, uint32_t by);
uint64_t __aeabi_idivmod(int32_t number, int32_t by);
uint32_t __aeabi_uidiv(uint32_t number, uint32_t by);
int32_t __aeabi_idiv(int32_t number, int32_t by);
double __aeabi_ul2d(uint64_t value);
double __aeabi_l2d(int64_t value);
uint64_t __aeabi_d2ulz(double value);
int64_t __aeabi_d2lz(double value);

static uint32_t magnitude(int32_t value) {
    return value < 0 ? 0U - (uint32_t)value : (uint32_t)value;
}

static uint64_t long_magnitude(int64_t value) {
    return value < 0 ? 0U - (uint64_t)value : (uint64_t)value;
}

/* Divides with one shift and one subtraction per bit of the quotient. Division by zero gives 0, with the number as
 * remainder. */
void arm_divide(uint64_t number, uint64_t by, struct quotient *answer) {
    uint64_t whole = 0;
    if (by != 0 && by <= number) {
        int bit = __builtin_clzll(by) - __builtin_clzll(number);
        for (by <<= bit; bit >= 0; bit--, by >>= 1) {
            whole <<= 1;
            if (by <= number) {
                number -= by;
                whole |= 1;
            }
        }
    }
    *answer = (struct quotient){.whole = whole, .rest = number};
}

/* Divides, rounding towards zero. The remainder has the sign of the number. */
void arm_divide_signed(int64_t number, int64_t by, struct quotient *answer) {
    arm_divide(long_magnitude(number), long_magnitude(by), answer);
    if ((number < 0) != (by < 0))
        answer->whole = 0U - answer->whole;
    if (number < 0)
        answer->rest = 0U - answer->rest;
}

/* The numbers arrive in r0 to r3 and the results are returned there too, which a C function cannot do. */
#define DIVIDE_IN_REGISTERS(divide)                                                                                    \
    __asm__ volatile("push {r4, lr}\n"                                                                                 \
                     "sub sp, sp, #24\n"                                                                               \
                     "add r4, sp, #8\n"                                                                                \
                     "str r4, [sp]\n"                                                                                  \
                     "bl " #divide "\n"                                                                                \
                     "ldrd r0, r1, [sp, #8]\n"                                                                         \
                     "ldrd r2, r3, [sp, #16]\n"                                                                        \
                     "add sp, sp, #24\n"                                                                               \
                     "pop {r4, pc}\n")

__attribute__((naked)) void __aeabi_uldivmod(void) {
    DIVIDE_IN_REGISTERS(arm_divide);
}

__attribute__((naked)) void __aeabi_ldivmod(void) {
    DIVIDE_IN_REGISTERS(arm_divide_signed);
}

/* Returns the quotient in r0 and the remainder in r1. */
uint64_t __aeabi_uidivmod(uint32_t number, uint32_t by) {
    struct quotient answer;
    arm_divide(number, by, &answer);
    return answer.rest << 32 | answer.whole;
}

uint64_t __aeabi_idivmod(int32_t number, int32_t by) {
    struct quotient answer;
    arm_divide_signed(number, by, &answer);
    return answer.rest << 32 | (uint32_t)answer.whole;
}

uint32_t __aeabi_uidiv(uint32_t number, uint32_t by) {
    return (uint32_t)__aeabi_uidivmod(number, by);
}

int32_t __aeabi_idiv(int32_t number, int32_t by) {
    uint32_t whole = __aeabi_uidiv(magnitude(number), magnitude(by));
    return (int32_t)((number < 0) != (by < 0) ? 0U - whole : whole);
}

/* Both halves are exact as doubles, so only their sum is rounded. */
double __aeabi_ul2d(uint64_t value) {
    return (double)(uint32_t)(value >> 32) * TWO_TO_32 + (double)(uint32_t)value;
}

double __aeabi_l2d(int64_t value) {
    return (double)(int32_t)((uint64_t)value >> 32) * TWO_TO_32 + (double)(uint32_t)value;
}

uint64_t __aeabi_d2ulz(double value) {
    uint32_t high = (uint32_t)(value / TWO_TO_32);
    uint32_t low = (uint32_t)(value - (double)high * TWO_TO_32);
    return (uint64_t)high << 32 | low;
}

int64_t __aeabi_d2lz(double value) {
    return value < 0 ? (int64_t)(0U - __aeabi_d2ulz(-value)) : (int64_t)__aeabi_d2ulz(value);
}
