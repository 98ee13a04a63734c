#ifndef MOBILEBENCH_BIONIC_SYS_WAIT_H
#define MOBILEBENCH_BIONIC_SYS_WAIT_H

#include <sys/types.h>

#define WNOHANG 1

#define WTERMSIG(status) ((status)&0x7F)
#define WEXITSTATUS(status) (((status)&0xFF00) >> 8)
#define WIFEXITED(status) (WTERMSIG(status) == 0)
#define WIFSIGNALED(status) (WTERMSIG(status) != 0 && WTERMSIG(status) != 0x7F)

pid_t waitpid(pid_t process, int *status, int options);

#endif
