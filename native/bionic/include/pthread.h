/* Only the sizes of these objects matter here: their fields belong to the C library. */
#ifndef MOBILEBENCH_BIONIC_PTHREAD_H
#define MOBILEBENCH_BIONIC_PTHREAD_H

#include <sched.h>
#include <stdint.h>
#include <time.h>

typedef long pthread_t;

#ifdef __LP64__
typedef struct {
    int32_t own[10];
} pthread_mutex_t;
typedef struct {
    int32_t own[12];
} pthread_cond_t;
typedef struct {
    uint32_t flags;
    void *stack;
    size_t sizes[2];
    int32_t scheduling[2];
    char reserved[16];
} pthread_attr_t;
#else
typedef struct {
    int32_t own[1];
} pthread_mutex_t;
typedef struct {
    int32_t own[1];
} pthread_cond_t;
typedef struct {
    uint32_t flags;
    void *stack;
    size_t sizes[2];
    int32_t scheduling[2];
} pthread_attr_t;
#endif
typedef long pthread_mutexattr_t;
typedef long pthread_condattr_t;

/* All of them are zero in every version of the C library. */
#define PTHREAD_MUTEX_INITIALIZER                                                                                      \
    {                                                                                                                  \
        { 0 }                                                                                                          \
    }
#define PTHREAD_COND_INITIALIZER                                                                                       \
    {                                                                                                                  \
        { 0 }                                                                                                          \
    }

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);
int pthread_join(pthread_t thread, void **result);
pthread_t pthread_self(void);
int pthread_attr_init(pthread_attr_t *attributes);
int pthread_attr_setstacksize(pthread_attr_t *attributes, size_t bytes);
int pthread_attr_destroy(pthread_attr_t *attributes);
int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes);
int pthread_mutex_lock(pthread_mutex_t *mutex);
int pthread_mutex_unlock(pthread_mutex_t *mutex);
int pthread_mutex_destroy(pthread_mutex_t *mutex);
int pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attributes);
int pthread_cond_signal(pthread_cond_t *condition);
int pthread_cond_broadcast(pthread_cond_t *condition);
int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex);
int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until);
int pthread_cond_destroy(pthread_cond_t *condition);
int pthread_condattr_init(pthread_condattr_t *attributes);
int pthread_condattr_setclock(pthread_condattr_t *attributes, clockid_t clock);
int pthread_condattr_destroy(pthread_condattr_t *attributes);

#endif
