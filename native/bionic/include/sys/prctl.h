#ifndef MOBILEBENCH_BIONIC_SYS_PRCTL_H
#define MOBILEBENCH_BIONIC_SYS_PRCTL_H

#define PR_SET_PDEATHSIG 1

int prctl(int operation, ...);

#endif
