/* Fuzzes what is read from files: a tensor's values, a library's header, a process's memory. The first two bytes are
 * the tensor's number format and number of elements. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/inputs.h"
#include "os/file.h"
#include "os/library_file.h"
#include "os/memory_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static char folder_name[64];

static void remove_folder(void) {
    rmdir(folder_name);
}

static const char *folder(void) {
    if (folder_name[0] == '\0') {
        snprintf(folder_name, sizeof folder_name, "/dev/shm/mobilebench-fuzz-XXXXXX");
        if (mkdtemp(folder_name) == NULL || atexit(remove_folder) != 0)
            abort();
    }
    return folder_name;
}

static void write_file(const char *path, const uint8_t *bytes, size_t size) {
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (descriptor < 0 || write(descriptor, bytes, size) != (ssize_t)size || close(descriptor) != 0)
        abort();
}

static void read_tensor(const char *path, enum dtype dtype, int64_t elements, size_t file_bytes) {
    struct problem problem = {0};
    struct tensor tensor = {.name = "fuzzed"};
    struct fill fill = {.kind = FILL_FILE, .path = path};
    if (!tensor_describe(&tensor, dtype, &elements, 1, &problem))
        abort();
    bool fits = file_bytes > 0 && tensor.bytes == file_bytes;
    if (input_make(&tensor, &fill, 0, &problem) != fits || fits != (problem.outcome == OUTCOME_OK))
        abort();
    for (size_t i = 0; fits && i < tensor.elements; i++)
        (void)tensor_value(&tensor, i);
    tensor_free(&tensor);
}

static void read_whole(const char *path, const uint8_t *bytes, size_t size) {
    struct problem problem = {0};
    struct file read = {0};
    struct file mapped = {0};
    bool both = file_read(path, &read, &problem) && file_map(path, &mapped, &problem);
    if (both != (size > 0) || (both && (memcmp(read.data, bytes, size) != 0 || memcmp(mapped.data, bytes, size) != 0)))
        abort();
    file_free(&read);
    file_free(&mapped);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static const char *const names[] = {"smaps_rollup", "smaps", "statm", "status"};
    char path[128];
    if (size < 2)
        return 0;
    enum dtype dtype = (enum dtype)(bytes[0] % (DTYPE_BOOL + 1));
    int64_t elements = bytes[1];
    bytes += 2;
    size -= 2;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder(), names[i]);
        write_file(path, bytes, size);
        struct memory_facts facts;
        if (memory_facts_read(folder(), &facts) != NULL && facts.rss_kb < 0)
            abort();
        if (memory_peak_kb(folder()) < -1)
            abort();
        if (i + 1 < sizeof names / sizeof *names)
            unlink(path);
    }
    struct problem problem = {0};
    if (library_check(path, &problem) != (problem.outcome == OUTCOME_OK))
        abort();
    read_tensor(path, dtype, elements, size);
    read_whole(path, bytes, size);
    unlink(path);
    return 0;
}
