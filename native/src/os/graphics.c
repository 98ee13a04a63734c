#include "os/graphics.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/memory_text.h"
#include "os/text.h"

#define NOT_STARTED 127

static void keep_graphics(void *context, const char *line) {
    long *found = context;
    long value = memory_field(line, "Graphics");
    if (value >= 0 && *found < 0)
        *found = value;
}

/* Runs in the child. It uses only calls that are safe after fork in a process with threads. */
static void become(const char *program, char *const *arguments, int output) {
    int nothing = open("/dev/null", O_RDWR);
    dup2(nothing, STDIN_FILENO);
    dup2(nothing, STDERR_FILENO);
    dup2(output, STDOUT_FILENO);
    if (output > STDERR_FILENO)
        close(output);
    execv(program, arguments);
    _exit(NOT_STARTED);
}

static long listen_to(pid_t child, int output, double seconds, char *why, size_t size) {
    long found = -1;
    bool whole = lines_from(output, clock_ms() + seconds * 1e3, keep_graphics, &found);
    /* The output was read, or the time is over: the program is not needed any more. */
    kill(child, SIGKILL);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (!whole)
        snprintf(why, size, "dumpsys did not end within %.0f s", seconds);
    else if (found < 0)
        snprintf(why, size, "dumpsys meminfo has no value for this process");
    return whole ? found : -1;
}

long graphics_kb(const char *program, double seconds, char *why, size_t size) {
    char process[16];
    int ends[2];
    if (!path_exists(program)) {
        snprintf(why, size, "there is no %s", program);
        return -1;
    }
    snprintf(process, sizeof process, "%d", (int)getpid());
    char *const arguments[] = {"dumpsys", "meminfo", process, NULL};
    if (pipe(ends) != 0) {
        snprintf(why, size, "no pipe: %s", strerror(errno));
        return -1;
    }
    pid_t child = fork();
    if (child == 0)
        become(program, arguments, ends[1]);
    close(ends[1]);
    long found = -1;
    if (child < 0)
        snprintf(why, size, "no process: %s", strerror(errno));
    else
        found = listen_to(child, ends[0], seconds, why, size);
    close(ends[0]);
    return found;
}
