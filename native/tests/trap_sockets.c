/* A test preloads this into a process. Opening a socket ends the process with a message. */
#include <unistd.h>

#define TRAPPED 99

int socket(int domain, int type, int protocol) {
    static const char words[] = "trap: a socket was asked for\n";
    (void)domain, (void)type, (void)protocol;
    if (write(STDERR_FILENO, words, sizeof words - 1) < 0)
        _exit(TRAPPED + 1);
    _exit(TRAPPED);
}
