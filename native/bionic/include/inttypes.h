#ifndef MOBILEBENCH_BIONIC_INTTYPES_H
#define MOBILEBENCH_BIONIC_INTTYPES_H

#include <stdint.h>

#define PRId32 __INT32_FMTd__
#define PRIu32 __UINT32_FMTu__
#define PRIx32 __UINT32_FMTx__
#define PRId64 __INT64_FMTd__
#define PRIu64 __UINT64_FMTu__
#define PRIx64 __UINT64_FMTx__
#define PRIxPTR __UINTPTR_FMTx__

#endif
