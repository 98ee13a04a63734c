#ifndef MOBILEBENCH_BIONIC_STRING_H
#define MOBILEBENCH_BIONIC_STRING_H

#include <stddef.h>

void *memchr(const void *bytes, int value, size_t count);
int memcmp(const void *left, const void *right, size_t count);
void *memcpy(void *restrict to, const void *restrict from, size_t count);
void *memmem(const void *bytes, size_t count, const void *wanted, size_t wanted_count);
void *memmove(void *to, const void *from, size_t count);
void *memset(void *bytes, int value, size_t count);
char *strchr(const char *text, int character);
int strcmp(const char *left, const char *right);
size_t strcspn(const char *text, const char *refused);
char *strdup(const char *text) __attribute__((malloc));
char *strerror(int number);
size_t strlen(const char *text);
int strncmp(const char *left, const char *right, size_t count);
char *strndup(const char *text, size_t count) __attribute__((malloc));
size_t strnlen(const char *text, size_t count);
char *strpbrk(const char *text, const char *accepted);
char *strrchr(const char *text, int character);
size_t strspn(const char *text, const char *accepted);
char *strstr(const char *text, const char *wanted);
char *strtok_r(char *text, const char *separators, char **place);

#endif
