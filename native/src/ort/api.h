/* The part of ONNX Runtime's C API that the runner uses: a table of functions, whose order never changes once a version
 * is published.
 *
 * Only the positions that are used are listed here; new functions are appended, never moved. The first 275 or so exist
 * in every version since 1.16, those of the graph assignment since 1.24.
 */
#ifndef MOBILEBENCH_ORT_API_H
#define MOBILEBENCH_ORT_API_H

#include <stddef.h>
#include <stdint.h>

#define ORT_BASE_VERSION 16
#define ORT_ASSIGNMENT_VERSION 24

#define ORT_LOG_ERROR 3
#define ORT_SEQUENTIAL 0
#define ORT_ALL_OPTIMISATIONS 99
#define ORT_DEVICE_ALLOCATOR 0
#define ORT_DEFAULT_MEMORY 0
#define ORT_NOT_IMPLEMENTED 9

/* F(name, position, result, parameters). A result of `void *` is a status, which is NULL on success. */
#define ORT_FUNCTIONS(F)                                                                                               \
    F(GetErrorCode, 1, int, (const void *))                                                                            \
    F(GetErrorMessage, 2, const char *, (const void *))                                                                \
    F(CreateEnv, 3, void *, (int, const char *, void **))                                                              \
    F(DisableTelemetryEvents, 6, void *, (const void *))                                                               \
    F(CreateSessionFromArray, 8, void *, (const void *, const void *, size_t, const void *, void **))                  \
    F(Run, 9, void *,                                                                                                  \
      (void *, const void *, const char *const *, const void *const *, size_t, const char *const *, size_t, void **))  \
    F(CreateSessionOptions, 10, void *, (void **))                                                                     \
    F(SetSessionExecutionMode, 13, void *, (void *, int))                                                              \
    F(EnableProfiling, 14, void *, (void *, const char *))                                                             \
    F(DisableMemPattern, 17, void *, (void *))                                                                         \
    F(SetSessionGraphOptimizationLevel, 23, void *, (void *, int))                                                     \
    F(SetIntraOpNumThreads, 24, void *, (void *, int))                                                                 \
    F(SetInterOpNumThreads, 25, void *, (void *, int))                                                                 \
    F(SessionGetInputCount, 30, void *, (const void *, size_t *))                                                      \
    F(CreateTensorWithDataAsOrtValue, 49, void *,                                                                      \
      (const void *, void *, size_t, const int64_t *, size_t, int, void **))                                           \
    F(GetTensorMutableData, 51, void *, (void *, void **))                                                             \
    F(GetTensorElementType, 60, void *, (const void *, int *))                                                         \
    F(GetDimensionsCount, 61, void *, (const void *, size_t *))                                                        \
    F(GetDimensions, 62, void *, (const void *, int64_t *, size_t))                                                    \
    F(GetTensorTypeAndShape, 65, void *, (const void *, void **))                                                      \
    F(CreateCpuMemoryInfo, 69, void *, (int, int, void **))                                                            \
    F(AllocatorFree, 76, void *, (void *, void *))                                                                     \
    F(GetAllocatorWithDefaultOptions, 78, void *, (void **))                                                           \
    F(ReleaseEnv, 92, void, (void *))                                                                                  \
    F(ReleaseStatus, 93, void, (void *))                                                                               \
    F(ReleaseMemoryInfo, 94, void, (void *))                                                                           \
    F(ReleaseSession, 95, void, (void *))                                                                              \
    F(ReleaseValue, 96, void, (void *))                                                                                \
    F(ReleaseTensorTypeAndShapeInfo, 99, void, (void *))                                                               \
    F(ReleaseSessionOptions, 100, void, (void *))                                                                      \
    F(SessionEndProfiling, 110, void *, (void *, void *, char **))                                                     \
    F(GetAvailableProviders, 125, void *, (char ***, int *))                                                           \
    F(ReleaseAvailableProviders, 126, void *, (char **, int))                                                          \
    F(AddSessionConfigEntry, 130, void *, (void *, const char *, const char *))                                        \
    F(SessionOptionsAppendExecutionProvider_CUDA_V2, 204, void *, (void *, const void *))                              \
    F(CreateCUDAProviderOptions, 205, void *, (void **))                                                               \
    F(UpdateCUDAProviderOptions, 206, void *, (void *, const char *const *, const char *const *, size_t))              \
    F(ReleaseCUDAProviderOptions, 208, void, (void *))                                                                 \
    F(SessionOptionsAppendExecutionProvider, 216, void *,                                                              \
      (void *, const char *, const char *const *, const char *const *, size_t))

/* Only used when the library supports ORT_ASSIGNMENT_VERSION. */
#define ORT_ASSIGNMENT(F)                                                                                              \
    F(Session_GetEpGraphAssignmentInfo, 407, void *, (const void *, const void *const **, size_t *))                   \
    F(EpAssignedSubgraph_GetEpName, 408, void *, (const void *, const char **))                                        \
    F(EpAssignedSubgraph_GetNodes, 409, void *, (const void *, const void *const **, size_t *))

#define ORT_MEMBER(name, position, result, parameters) result(*name) parameters;

struct ort_api {
    ORT_FUNCTIONS(ORT_MEMBER)
    ORT_ASSIGNMENT(ORT_MEMBER)
};

struct ort_api_base {
    void *const *(*get_api)(uint32_t version);
    const char *(*get_version)(void);
};

#endif
