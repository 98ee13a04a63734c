/* The sizes that Android's C library gives its types (they differ between 32 and 64 bits). */
#ifndef MOBILEBENCH_BIONIC_SYS_TYPES_H
#define MOBILEBENCH_BIONIC_SYS_TYPES_H

#include <stddef.h>
#include <stdint.h>

typedef __INTPTR_TYPE__ ssize_t;
typedef long off_t;
typedef int64_t off64_t;
typedef long time_t;
typedef long suseconds_t;
typedef int clockid_t;
typedef int pid_t;
typedef unsigned int uid_t;
typedef unsigned int gid_t;
typedef unsigned int id_t;
typedef unsigned long ino_t;
typedef unsigned int useconds_t;

#ifdef __LP64__
typedef uint64_t dev_t;
typedef unsigned int mode_t;
#else
typedef uint32_t dev_t;
typedef unsigned short mode_t;
#endif

#endif
