#include "os/library_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHARED_OBJECT 3
#define LOADED_PART 1

/* The offset and the size of a field. */
struct field {
    size_t at;
    size_t size;
};

static const struct field class_field = {4, 1};
static const struct field kind_field = {16, 2};
static const struct field machine_field = {18, 2};
static const struct field part_type_field = {0, 4};

#if UINTPTR_MAX > 0xffffffffU
#define HEADER 64
#define PART 56
static const struct field parts_field = {32, 8};
static const struct field part_size_field = {54, 2};
static const struct field part_count_field = {56, 2};
static const struct field part_offset_field = {8, 8};
static const struct field part_bytes_field = {32, 8};
#else
#define HEADER 52
#define PART 32
static const struct field parts_field = {28, 4};
static const struct field part_size_field = {42, 2};
static const struct field part_count_field = {44, 2};
static const struct field part_offset_field = {4, 4};
static const struct field part_bytes_field = {16, 4};
#endif

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

static const char *machine_name(uint64_t number) {
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++) {
        if (machines[i].number == number)
            return machines[i].name;
    }
    return "another processor";
}

static uint64_t value_of(const unsigned char *record, struct field field) {
    uint64_t value = 0;
    for (size_t i = field.size; i > 0; i--)
        value = value << 8 | record[field.at + i - 1];
    return value;
}

static bool check_header(const char *path, const unsigned char *header, struct problem *problem) {
    if (memcmp(header, "\177ELF", 4) != 0)
        return fail(problem, OUTCOME_UNSUPPORTED, "`%s` is not a shared library: it has no ELF header", path);
    uint64_t machine = value_of(header, machine_field);
    unsigned int bits = value_of(header, class_field) == 1 ? 32 : 64;
    if (machine != OWN_MACHINE || bits != 8 * sizeof(void *))
        return fail(problem, OUTCOME_UNSUPPORTED, "`%s` is built for %s (%u bits), this runner for %s (%zu bits)", path,
                    machine_name(machine), bits, machine_name(OWN_MACHINE), 8 * sizeof(void *));
    return value_of(header, kind_field) == SHARED_OBJECT ||
           fail(problem, OUTCOME_UNSUPPORTED, "`%s` is an ELF file, but not a shared library", path);
}

/* Checks that every segment that is loaded lies inside the file. */
static bool is_whole(int descriptor, const unsigned char *header, uint64_t file_bytes) {
    uint64_t at = value_of(header, parts_field);
    uint64_t step = value_of(header, part_size_field);
    unsigned char part[PART];
    if (step < PART)
        return false;
    for (uint64_t left = value_of(header, part_count_field); left > 0; left--, at += step) {
        if (at > file_bytes || pread(descriptor, part, PART, (off_t)at) != PART)
            return false;
        uint64_t start = value_of(part, part_offset_field);
        uint64_t bytes = value_of(part, part_bytes_field);
        if (value_of(part, part_type_field) == LOADED_PART && (start > file_bytes || bytes > file_bytes - start))
            return false;
    }
    return true;
}

static bool check_open(const char *path, int descriptor, struct problem *problem) {
    unsigned char header[HEADER] = {0};
    struct stat facts;
    if (fstat(descriptor, &facts) != 0)
        return fail(problem, OUTCOME_ERROR, "the library `%s` cannot be read: %s", path, strerror(errno));
    if (!S_ISREG(facts.st_mode))
        return fail(problem, OUTCOME_UNSUPPORTED, "the library `%s` is not a file", path);
    ssize_t length = pread(descriptor, header, HEADER, 0);
    if (!check_header(path, header, problem))
        return false;
    bool whole = length == HEADER && is_whole(descriptor, header, (uint64_t)facts.st_size);
    return whole ||
           fail(problem, OUTCOME_UNSUPPORTED, "`%s` is not a whole library: it was cut short or damaged", path);
}

bool library_check(const char *path, struct problem *problem) {
    if (strchr(path, '/') == NULL)
        return true;
    int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0)
        return fail(problem, errno == EACCES || errno == EPERM ? OUTCOME_UNSUPPORTED : OUTCOME_ERROR,
                    "the library `%s` cannot be opened: %s", path, strerror(errno));
    bool fits = check_open(path, descriptor, problem);
    close(descriptor);
    return fits;
}
