#include "os/memory.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/graphics.h"

#define OWN_FOLDER "/proc/self"
#define GRAPHICS_SECONDS 10.0

static void note(struct memory *memory, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void note(struct memory *memory, const char *format, ...) {
    if (memory->note_count == MAX_MEMORY_NOTES)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(memory->notes[memory->note_count++], sizeof memory->notes[0], format, arguments);
    va_end(arguments);
}

void memory_mark(struct memory *memory, const char *stage) {
    if (!memory->on)
        return;
    struct memory_reading reading = {.stage = stage};
    const char *source = memory_facts_read(OWN_FOLDER, &reading.facts);
    reading.at_ms = clock_ms() - memory->began_ms;
    pthread_mutex_lock(&memory->lock);
    if (source == NULL || memory->count == MAX_READINGS)
        memory->dropped++;
    else
        memory->readings[memory->count++] = reading;
    memory->source = source == NULL ? memory->source : source;
    pthread_mutex_unlock(&memory->lock);
}

bool memory_begin(struct memory *memory, bool in_app, struct problem *problem) {
    *memory =
        (struct memory){.on = true, .in_app = in_app, .peak_rss_kb = -1, .graphics_kb = -1, .began_ms = clock_ms()};
    memory->readings = calloc(MAX_READINGS, sizeof *memory->readings);
    int code = memory->readings == NULL ? ENOMEM : pthread_mutex_init(&memory->lock, NULL);
    if (code != 0) {
        memory->on = false;
        return fail(problem, OUTCOME_ERROR, "a memory pass cannot begin: %s", strerror(code));
    }
    memory_mark(memory, "process_start");
    if (memory->count == 0)
        return fail(problem, OUTCOME_UNSUPPORTED, "this system does not report the memory of a process");
    note(memory, "read from %s/%s", OWN_FOLDER, memory->source);
    long own = memory->readings[0].facts.uss_kb;
    if (own >= 0)
        note(memory, "of every reading, about %ld KiB (USS) are the %s own: those of process_start", own,
             in_app ? "app's" : "runner's");
    if (in_app)
        note(memory, "the peak is that of the app's whole life so far");
    return true;
}

/* The sampling thread. It takes readings until `stop` becomes readable, and allocates no memory. */
static void *sample(void *context) {
    struct memory *memory = context;
    pthread_mutex_lock(&memory->lock);
    memory->sampler_id = gettid();
    pthread_mutex_unlock(&memory->lock);
    double next = clock_ms();
    struct pollfd stop = {.fd = memory->stop[0], .events = POLLIN};
    for (;;) {
        next += (double)memory->period_ms;
        double left = next - clock_ms();
        int ready = poll(&stop, 1, left > 0 ? (int)left : 0);
        if (ready > 0 || (ready < 0 && errno != EINTR))
            return NULL;
        if (left < 0)
            next = clock_ms();
        memory_mark(memory, NULL);
    }
}

int memory_sampler(struct memory *memory) {
    if (!memory->sampling)
        return 0;
    pthread_mutex_lock(&memory->lock);
    int id = memory->sampler_id;
    pthread_mutex_unlock(&memory->lock);
    return id;
}

bool memory_sample(struct memory *memory, long period_ms, struct problem *problem) {
    if (!memory->on || period_ms == 0)
        return true;
    memory->period_ms = period_ms;
    if (pipe(memory->stop) != 0)
        return fail(problem, OUTCOME_ERROR, "memory cannot be sampled: %s", strerror(errno));
    int code = pthread_create(&memory->sampler, NULL, sample, memory);
    if (code != 0) {
        close(memory->stop[0]);
        close(memory->stop[1]);
        return fail(problem, OUTCOME_ERROR, "memory cannot be sampled: %s", strerror(code));
    }
    memory->sampling = true;
    struct timespec moment = {.tv_nsec = 50000};
    while (memory_sampler(memory) == 0)
        nanosleep(&moment, NULL);
    return true;
}

static void stop_sampling(struct memory *memory) {
    if (!memory->sampling)
        return;
    /* Closing the write end makes `stop` readable, which ends the thread. */
    close(memory->stop[1]);
    pthread_join(memory->sampler, NULL);
    close(memory->stop[0]);
    memory->sampling = false;
}

void memory_end(struct memory *memory) {
    if (!memory->on)
        return;
    stop_sampling(memory);
    memory->peak_rss_kb = memory_peak_kb(OWN_FOLDER);
    if (memory->dropped > 0)
        note(memory, "%zu readings failed or were more than %d", memory->dropped, MAX_READINGS);
    char why[128];
    if (memory->in_app)
        snprintf(why, sizeof why, "an app may not ask dumpsys");
    else
        memory->graphics_kb = graphics_kb(DUMPSYS, GRAPHICS_SECONDS, why, sizeof why);
    if (memory->graphics_kb < 0)
        note(memory, "graphics memory is unknown: %s", why);
    memory->on = false;
}

void memory_free(struct memory *memory) {
    stop_sampling(memory);
    free(memory->readings);
    memory->readings = NULL;
}
