#ifndef MOBILEBENCH_BIONIC_STDIO_H
#define MOBILEBENCH_BIONIC_STDIO_H

#include <stdarg.h>
#include <stddef.h>
#include <sys/types.h>

#define EOF (-1)
#define BUFSIZ 1024
#define SEEK_SET 0
#define SEEK_CUR 1
#define SEEK_END 2

typedef struct FILE FILE;

extern FILE *stdin;
extern FILE *stdout;
extern FILE *stderr;

FILE *fopen(const char *path, const char *mode);
FILE *fdopen(int descriptor, const char *mode);
int fclose(FILE *file);
int fflush(FILE *file);
int feof(FILE *file);
int ferror(FILE *file);
int fileno(FILE *file);
int fgetc(FILE *file);
char *fgets(char *line, int bytes, FILE *file);
int fputc(int character, FILE *file);
int fputs(const char *text, FILE *file);
int puts(const char *text);
int putchar(int character);
size_t fread(void *items, size_t bytes, size_t count, FILE *file);
size_t fwrite(const void *items, size_t bytes, size_t count, FILE *file);
int fseek(FILE *file, long by, int from);
long ftell(FILE *file);
ssize_t getline(char **line, size_t *bytes, FILE *file);
void perror(const char *words);
int remove(const char *path);
int rename(const char *from, const char *to);

int printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
int fprintf(FILE *file, const char *format, ...) __attribute__((format(printf, 2, 3)));
int snprintf(char *text, size_t bytes, const char *format, ...) __attribute__((format(printf, 3, 4)));
int vfprintf(FILE *file, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));
int vsnprintf(char *text, size_t bytes, const char *format, va_list arguments) __attribute__((format(printf, 3, 0)));
int sscanf(const char *text, const char *format, ...) __attribute__((format(scanf, 2, 3)));
int fscanf(FILE *file, const char *format, ...) __attribute__((format(scanf, 2, 3)));

#endif
