#include "elf.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define HEADER 20
#define CLASS 4
#define KIND 16
#define MACHINE 18
#define SHARED_OBJECT 3

static const struct {
    unsigned int number;
    const char *name;
} machines[] = {{3, "x86"}, {40, "arm"}, {62, "x86_64"}, {183, "aarch64"}, {243, "riscv64"}};

#if defined(__x86_64__)
#define OWN_MACHINE 62
#elif defined(__aarch64__)
#define OWN_MACHINE 183
#elif defined(__arm__)
#define OWN_MACHINE 40
#elif defined(__i386__)
#define OWN_MACHINE 3
#elif defined(__riscv)
#define OWN_MACHINE 243
#endif

static const char *machine_name(unsigned int number) {
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++) {
        if (machines[i].number == number)
            return machines[i].name;
    }
    return "another processor";
}

static bool check_header(const char *path, const unsigned char *header, ssize_t length, struct problem *problem) {
    if (length < HEADER || memcmp(header, "\177ELF", 4) != 0)
        return fail(problem, OUTCOME_ERROR, "`%s` is not a shared library: it has no ELF header", path);
    unsigned int machine = header[MACHINE] | (unsigned int)header[MACHINE + 1] << 8;
    unsigned int bits = header[CLASS] == 1 ? 32 : 64;
    if (machine != OWN_MACHINE || bits != 8 * sizeof(void *))
        return fail(problem, OUTCOME_ERROR, "`%s` is built for %s (%u bits), this runner for %s (%zu bits)", path,
                    machine_name(machine), bits, machine_name(OWN_MACHINE), 8 * sizeof(void *));
    if ((header[KIND] | (unsigned int)header[KIND + 1] << 8) != SHARED_OBJECT)
        return fail(problem, OUTCOME_ERROR, "`%s` is an ELF file, but not a shared library", path);
    return true;
}

bool elf_check(const char *path, struct problem *problem) {
    unsigned char header[HEADER];
    if (strchr(path, '/') == NULL)
        return true;
    int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0)
        return fail(problem, OUTCOME_ERROR, "the library `%s` cannot be opened: %s", path, strerror(errno));
    ssize_t length = read(descriptor, header, sizeof header);
    close(descriptor);
    return check_header(path, header, length, problem);
}
