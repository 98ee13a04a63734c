#ifndef MOBILEBENCH_BIONIC_SYS_TIME_H
#define MOBILEBENCH_BIONIC_SYS_TIME_H

#include <sys/types.h>

struct timeval {
    time_t tv_sec;
    suseconds_t tv_usec;
};

int gettimeofday(struct timeval *now, void *zone);

#endif
