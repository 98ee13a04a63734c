#ifndef MOBILEBENCH_BIONIC_POLL_H
#define MOBILEBENCH_BIONIC_POLL_H

#define POLLIN 0x001
#define POLLOUT 0x004
#define POLLERR 0x008
#define POLLHUP 0x010

typedef unsigned int nfds_t;

struct pollfd {
    int fd;
    short events;
    short revents;
};

int poll(struct pollfd *descriptors, nfds_t count, int milliseconds);

#endif
