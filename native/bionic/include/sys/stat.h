/* What the kernel of each processor writes. */
#ifndef MOBILEBENCH_BIONIC_SYS_STAT_H
#define MOBILEBENCH_BIONIC_SYS_STAT_H

#include <sys/types.h>
#include <time.h>

#define S_IFMT 00170000
#define S_IFDIR 0040000
#define S_IFREG 0100000
#define S_IFLNK 0120000
#define S_ISDIR(mode) (((mode)&S_IFMT) == S_IFDIR)
#define S_ISREG(mode) (((mode)&S_IFMT) == S_IFREG)
#define S_ISLNK(mode) (((mode)&S_IFMT) == S_IFLNK)

#if defined(__x86_64__)
struct stat {
    uint64_t st_dev;
    uint64_t st_ino;
    uint64_t st_nlink;
    uint32_t st_mode;
    uint32_t st_uid;
    uint32_t st_gid;
    uint32_t gap;
    uint64_t st_rdev;
    int64_t st_size;
    int64_t st_blksize;
    int64_t st_blocks;
    struct timespec st_atim;
    struct timespec st_mtim;
    struct timespec st_ctim;
    int64_t reserved[3];
};
_Static_assert(sizeof(struct stat) == 144, "as the kernel has it");
#elif defined(__aarch64__)
struct stat {
    uint64_t st_dev;
    uint64_t st_ino;
    uint32_t st_mode;
    uint32_t st_nlink;
    uint32_t st_uid;
    uint32_t st_gid;
    uint64_t st_rdev;
    uint64_t gap;
    int64_t st_size;
    int32_t st_blksize;
    int32_t second_gap;
    int64_t st_blocks;
    struct timespec st_atim;
    struct timespec st_mtim;
    struct timespec st_ctim;
    uint32_t reserved[2];
};
_Static_assert(sizeof(struct stat) == 128, "as the kernel has it");
#elif defined(__arm__)
struct stat {
    uint64_t st_dev;
    uint32_t gap;
    uint32_t short_ino;
    uint32_t st_mode;
    uint32_t st_nlink;
    uint32_t st_uid;
    uint32_t st_gid;
    uint64_t st_rdev;
    uint64_t second_gap;
    int64_t st_size;
    uint32_t st_blksize;
    uint64_t st_blocks;
    struct timespec st_atim;
    struct timespec st_mtim;
    struct timespec st_ctim;
    uint64_t st_ino;
};
_Static_assert(sizeof(struct stat) == 104, "as the kernel has it");
_Static_assert(offsetof(struct stat, st_size) == 48, "as the kernel has it");
#else
#error "no layout of struct stat is known for this processor"
#endif

int stat(const char *path, struct stat *facts);
int lstat(const char *path, struct stat *facts);
int fstat(int descriptor, struct stat *facts);
int chmod(const char *path, mode_t mode);
int mkdir(const char *path, mode_t mode);

#endif
