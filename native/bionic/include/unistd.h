#ifndef MOBILEBENCH_BIONIC_UNISTD_H
#define MOBILEBENCH_BIONIC_UNISTD_H

#include <sys/types.h>

#define STDIN_FILENO 0
#define STDOUT_FILENO 1
#define STDERR_FILENO 2

#define F_OK 0
#define X_OK 1
#define W_OK 2
#define R_OK 4

/* Android numbers these in its own way. */
#define _SC_CLK_TCK 0x06
#define _SC_PAGESIZE 0x27
#define _SC_PAGE_SIZE 0x28
#define _SC_NPROCESSORS_CONF 0x60
#define _SC_NPROCESSORS_ONLN 0x61

extern char **environ;

unsigned int alarm(unsigned int seconds);
int access(const char *path, int rights);
int chdir(const char *path);
int close(int descriptor);
int dup(int descriptor);
int dup2(int from, int to);
int execv(const char *path, char *const *arguments);
int execve(const char *path, char *const *arguments, char *const *environment);
pid_t fork(void);
int fsync(int descriptor);
char *getcwd(char *path, size_t bytes);
pid_t getpid(void);
pid_t getppid(void);
pid_t gettid(void);
uid_t getuid(void);
uid_t geteuid(void);
off_t lseek(int descriptor, off_t by, int from);
int pipe(int descriptors[2]);
int pipe2(int descriptors[2], int flags);
ssize_t pread(int descriptor, void *bytes, size_t count, off_t from);
ssize_t read(int descriptor, void *bytes, size_t count);
ssize_t readlink(const char *path, char *target, size_t bytes);
int rmdir(const char *path);
unsigned int sleep(unsigned int seconds);
long sysconf(int name);
int unlink(const char *path);
int usleep(useconds_t microseconds);
ssize_t write(int descriptor, const void *bytes, size_t count);
void _exit(int code) __attribute__((noreturn));

#endif
