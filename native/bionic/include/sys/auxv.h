#ifndef MOBILEBENCH_BIONIC_SYS_AUXV_H
#define MOBILEBENCH_BIONIC_SYS_AUXV_H

#define AT_PAGESZ 6
#define AT_HWCAP 16
#define AT_HWCAP2 26

unsigned long getauxval(unsigned long type);

#endif
