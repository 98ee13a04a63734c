#include "os/conditions.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "os/text.h"

#define CORES_FOLDER "/sys/devices/system/cpu"

static bool take_cores(const char *name, struct cores *asked, struct problem *problem) {
    bool found = cores_of_mask(name, asked) || cores_named(CORES_FOLDER, name, asked, problem);
    return found && cores_restrict(asked, name, problem);
}

static bool take_priority(int priority, struct problem *problem) {
    if (setpriority(PRIO_PROCESS, 0, priority) == 0)
        return true;
    return fail(problem, OUTCOME_UNSUPPORTED, "priority %d is refused here: %s", priority, strerror(errno));
}

bool conditions_take(const char *affinity, const int *priority, struct cores *asked, struct problem *problem) {
    if (priority != NULL && !take_priority(*priority, problem))
        return false;
    return affinity == NULL || take_cores(affinity, asked, problem);
}

struct kept {
    const struct cores *cores;
    const struct strangers *strangers;
    bool all;
};

static void compare(void *context, int thread) {
    struct kept *kept = context;
    struct cores cores;
    /* A thread that has ended has no cores any more. */
    if (!is_stranger(kept->strangers, thread) && cores_of_thread(thread, &cores))
        kept->all = kept->all && cores_same(&cores, kept->cores);
}

/* The line of cgroups that names the cpuset: `N:cpuset:/path`, or `0::/path` where there is one hierarchy only. */
static void take_cgroup(void *context, const char *line) {
    char *cpuset = context;
    const char *path = strchr(line, '/');
    if (path != NULL && (strstr(line, ":cpuset:") != NULL || (strncmp(line, "0::", 3) == 0 && cpuset[0] == '\0')))
        snprintf(cpuset, sizeof((struct conditions *)NULL)->cpuset, "%s", path);
}

static void read_cpuset(char *cpuset, size_t size) {
    if (!first_line("/proc/self/cpuset", cpuset, size))
        lines_of("/proc/self/cgroup", take_cgroup, cpuset);
}

void conditions_read(const struct cores *asked, const struct strangers *strangers, struct conditions *conditions) {
    conditions->cores_known = cores_of_thread(0, &conditions->cores);
    struct kept kept = {.cores = &conditions->cores, .strangers = strangers, .all = true};
    conditions->cores_kept =
        threads_each(compare, &kept) && kept.all && (asked == NULL || cores_same(asked, &conditions->cores));
    read_cpuset(conditions->cpuset, sizeof conditions->cpuset);
    errno = 0;
    conditions->priority = getpriority(PRIO_PROCESS, 0);
    conditions->priority_known = errno == 0;
}
