/* The part of the Java Native Interface that the library uses: a table of functions, whose order is part of its
 * specification and is the same in every Java virtual machine. */
#ifndef MOBILEBENCH_JNI_API_H
#define MOBILEBENCH_JNI_API_H

#include <stdint.h>

/* F(name, position, result, parameters). Objects, classes and arrays are opaque pointers. */
#define JNI_FUNCTIONS(F)                                                                                               \
    F(ExceptionClear, 17, void, (void *))                                                                              \
    F(DeleteLocalRef, 23, void, (void *, void *))                                                                      \
    F(GetObjectClass, 31, void *, (void *, void *))                                                                    \
    F(GetMethodID, 33, void *, (void *, void *, const char *, const char *))                                           \
    F(CallVoidMethodA, 63, void, (void *, void *, void *, const union jni_value *))                                    \
    F(NewStringUTF, 167, void *, (void *, const char *))                                                               \
    F(GetArrayLength, 171, int32_t, (void *, void *))                                                                  \
    F(GetObjectArrayElement, 173, void *, (void *, void *, int32_t))                                                   \
    F(GetByteArrayRegion, 200, void, (void *, void *, int32_t, int32_t, int8_t *))

/* An argument of a Java method. */
union jni_value {
    int64_t number;
    void *object;
};

#define JNI_MEMBER(name, position, result, parameters) result(*name) parameters;

struct jni {
    /* The thread's environment, which every function takes first. */
    void *environment;
    JNI_FUNCTIONS(JNI_MEMBER)
};

#endif
