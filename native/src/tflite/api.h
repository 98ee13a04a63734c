/* The part of TensorFlow Lite's C API that the runner uses: handles are opaque, functions are found by name.
 *
 * Options are returned in memory, so a struct with spare room takes those of any version. Its fields are written only
 * where the layout of the loaded version was checked.
 */
#ifndef MOBILEBENCH_TFLITE_API_H
#define MOBILEBENCH_TFLITE_API_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TFLITE_OK 0
#define TFLITE_BUILTIN_DELEGATE 51
#define TFLITE_FLOAT16 10
#define TFLITE_ALLOW_DYNAMIC_TENSORS 1

/* The layout of 2.16.1, which has neither runtime flags nor a file of packed weights. */
struct xnnpack_options_2_16 {
    int32_t num_threads;
    uint32_t flags;
    void *weights_cache;
    bool handle_variable_ops;
};

/* The layout of 2.20.0. */
struct xnnpack_options_2_20 {
    int32_t num_threads;
    uint32_t runtime_flags;
    uint32_t flags;
    void *weights_cache;
    bool handle_variable_ops;
    const char *weight_cache_file_path;
    int weight_cache_file_descriptor;
    void *weight_cache_provider;
};

union xnnpack_options {
    /* The first member in every version. */
    int32_t num_threads;
    struct xnnpack_options_2_16 v2_16;
    struct xnnpack_options_2_20 v2_20;
    char room[512];
};

/* The layout of 2.16.1. The GPU delegate has had it since serialization was added. */
struct gpu_options {
    int32_t is_precision_loss_allowed;
    int32_t inference_preference;
    int32_t inference_priority1;
    int32_t inference_priority2;
    int32_t inference_priority3;
    int64_t experimental_flags;
    int32_t max_delegated_partitions;
    const char *serialization_dir;
    const char *model_token;
    char room[256];
};

/* The layout of 2.16.1 and 2.20.0. */
struct nnapi_options {
    int execution_preference;
    const char *accelerator_name;
    const char *cache_dir;
    const char *model_token;
    int disallow_nnapi_cpu;
    int allow_fp16;
    int max_number_delegated_partitions;
    void *nnapi_support_library_handle;
    char room[256];
};

struct int_array {
    int size;
    int data[];
};

/* A delegate as the C API lets a program write one. The runner's delegates only read the graph. */
struct delegate_builder {
    void *data;
    int (*prepare)(void *context, void *delegate, void *data);
    int (*copy_from)(void *context, void *delegate, void *data, int handle, void *tensor);
    int (*copy_to)(void *context, void *delegate, void *data, int handle, void *tensor);
    void (*free_handle)(void *context, void *delegate, void *data, int *handle);
    int64_t flags;
};

/* The layout of 2.16.1 and 2.20.0. It may change between versions. */
struct telemetry_profiler {
    void *data;
    void (*event)(struct telemetry_profiler *profiler, const char *name, uint64_t status);
    void (*operator_event)(struct telemetry_profiler *profiler, const char *name, int64_t index, int64_t subgraph,
                           uint64_t status);
    void (*settings)(struct telemetry_profiler *profiler, const char *name, const void *settings);
    uint32_t (*begin)(struct telemetry_profiler *profiler, const char *name, int64_t index, int64_t subgraph);
    void (*end)(struct telemetry_profiler *profiler, uint32_t handle);
    /* `elapsed` in whole microseconds. */
    void (*operator_time)(struct telemetry_profiler *profiler, const char *name, uint64_t elapsed, int64_t index,
                          int64_t subgraph);
};

typedef void (*reporter_function)(void *user, const char *format, va_list arguments);

#define TFLITE_REQUIRED(F)                                                                                             \
    F(TfLiteVersion, const char *, (void))                                                                             \
    F(TfLiteModelCreateWithErrorReporter, void *, (const void *, size_t, reporter_function, void *))                   \
    F(TfLiteModelDelete, void, (void *))                                                                               \
    F(TfLiteInterpreterOptionsCreate, void *, (void))                                                                  \
    F(TfLiteInterpreterOptionsDelete, void, (void *))                                                                  \
    F(TfLiteInterpreterOptionsSetNumThreads, void, (void *, int32_t))                                                  \
    F(TfLiteInterpreterOptionsSetErrorReporter, void, (void *, reporter_function, void *))                             \
    F(TfLiteInterpreterCreate, void *, (const void *, const void *))                                                   \
    F(TfLiteInterpreterDelete, void, (void *))                                                                         \
    F(TfLiteInterpreterModifyGraphWithDelegate, int, (const void *, void *))                                           \
    F(TfLiteInterpreterAllocateTensors, int, (void *))                                                                 \
    F(TfLiteInterpreterInvoke, int, (void *))                                                                          \
    F(TfLiteInterpreterGetInputTensorCount, int32_t, (const void *))                                                   \
    F(TfLiteInterpreterGetInputTensor, void *, (const void *, int32_t))                                                \
    F(TfLiteInterpreterGetOutputTensorCount, int32_t, (const void *))                                                  \
    F(TfLiteInterpreterGetOutputTensor, const void *, (const void *, int32_t))                                         \
    F(TfLiteTensorName, const char *, (const void *))                                                                  \
    F(TfLiteTensorType, int, (const void *))                                                                           \
    F(TfLiteTensorNumDims, int32_t, (const void *))                                                                    \
    F(TfLiteTensorDim, int32_t, (const void *, int32_t))                                                               \
    F(TfLiteTensorByteSize, size_t, (const void *))                                                                    \
    F(TfLiteTensorCopyFromBuffer, int, (void *, const void *, size_t))                                                 \
    F(TfLiteTensorCopyToBuffer, int, (const void *, void *, size_t))

/* Functions that a library may lack. Without them inputs keep the shapes in the file, and parts of the proof stay
 * unknown. */
#define TFLITE_OPTIONAL(F)                                                                                             \
    F(TfLiteInterpreterResizeInputTensor, int, (void *, int32_t, const int *, int32_t))                                \
    F(TfLiteInterpreterOptionsSetTelemetryProfiler, void, (void *, struct telemetry_profiler *))                       \
    F(TfLiteOpaqueContextGetOpaqueTensor, const void *, (const void *, int))                                           \
    F(TfLiteOpaqueTensorType, int, (const void *))                                                                     \
    F(TfLiteXNNPackDelegateGetThreadPool, void *, (void *))                                                            \
    F(TfLiteXNNPackDelegateGetFlags, int, (void *))                                                                    \
    F(pthreadpool_get_threads_count, size_t, (void *))

/* The execution plan is read only when the library has all of these. */
#define TFLITE_PLAN(F)                                                                                                 \
    F(TfLiteOpaqueDelegateCreate, void *, (const struct delegate_builder *))                                           \
    F(TfLiteOpaqueDelegateDelete, void, (void *))                                                                      \
    F(TfLiteOpaqueContextGetNumNodes, int, (const void *))                                                             \
    F(TfLiteOpaqueContextGetNumTensors, size_t, (const void *))                                                        \
    F(TfLiteOpaqueContextGetExecutionPlan, int, (void *, struct int_array **))                                         \
    F(TfLiteOpaqueContextGetNodeAndRegistration, int, (void *, int, void **, void **))                                 \
    F(TfLiteOpaqueNodeInputs, int, (const void *, const int **, int *))                                                \
    F(TfLiteOpaqueNodeOutputs, int, (const void *, const int **, int *))

/* Functions for an operator's code and name: first the names since 2.17, then the older ones. */
#define TFLITE_OPERATOR(F)                                                                                             \
    F(TfLiteOperatorGetBuiltInCode, int, (const void *))                                                               \
    F(TfLiteOperatorGetCustomName, const char *, (const void *))                                                       \
    F(TfLiteRegistrationExternalGetBuiltInCode, int, (const void *))                                                   \
    F(TfLiteRegistrationExternalGetCustomName, const char *, (const void *))

#define TFLITE_MEMBER(name, result, parameters) result(*name) parameters;

struct tflite_api {
    TFLITE_REQUIRED(TFLITE_MEMBER)
    TFLITE_OPTIONAL(TFLITE_MEMBER)
    TFLITE_PLAN(TFLITE_MEMBER)
    TFLITE_OPERATOR(TFLITE_MEMBER)
};

#endif
