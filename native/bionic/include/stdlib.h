#ifndef MOBILEBENCH_BIONIC_STDLIB_H
#define MOBILEBENCH_BIONIC_STDLIB_H

#include <stddef.h>

#define EXIT_SUCCESS 0
#define EXIT_FAILURE 1

void *malloc(size_t bytes) __attribute__((malloc));
void *calloc(size_t count, size_t bytes) __attribute__((malloc));
void *realloc(void *block, size_t bytes);
int posix_memalign(void **block, size_t alignment, size_t bytes);
void free(void *block);

int atoi(const char *text);
double strtod(const char *text, char **end);
float strtof(const char *text, char **end);
long strtol(const char *text, char **end, int base);
long long strtoll(const char *text, char **end, int base);
unsigned long strtoul(const char *text, char **end, int base);
unsigned long long strtoull(const char *text, char **end, int base);

int abs(int value);
void qsort(void *items, size_t count, size_t bytes, int (*compare)(const void *, const void *));
void *bsearch(const void *key, const void *items, size_t count, size_t bytes,
              int (*compare)(const void *, const void *));

char *getenv(const char *name);
int setenv(const char *name, const char *value, int replace);
int unsetenv(const char *name);
char *realpath(const char *path, char *resolved);
int mkstemp(char *template);
char *mkdtemp(char *template);

void abort(void) __attribute__((noreturn));
void exit(int code) __attribute__((noreturn));
void _Exit(int code) __attribute__((noreturn));

#endif
