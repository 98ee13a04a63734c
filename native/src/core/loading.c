#include "core/loading.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/library_file.h"

/* A library of 30 MB on slow storage takes a second or two. */
#define LONGEST_SECONDS 60

/* What the child writes into the memory that it shares with this process. */
struct findings {
    bool ended;
    struct problem problem;
};

static const struct {
    int number;
    const char *words;
} deaths[] = {
    {SIGSEGV, "it crashed"},
    {SIGBUS, "it crashed"},
    {SIGFPE, "it crashed"},
    {SIGTRAP, "it gave up"},
    {SIGABRT, "it gave up"},
    {SIGILL, "the processor lacks an instruction that it uses"},
    {SIGSYS, "the system forbids a call that it makes"},
};

static bool load_all(const struct options *options, const struct engine *engine, struct problem *problem) {
    void *state = NULL;
    void *library = NULL;
    if (!engine->load(options, &state, problem))
        return false;
    if (options->check != CHECK_DELEGATE)
        return true;
    /* Some engines open it only together with a model, and then give no clear reason when they cannot. */
    return (options->delegate_library == NULL ||
            open_library(options->delegate_library, "the delegate's", &library, problem)) &&
           engine->try_delegate(state, options, problem);
}

/* Runs in the child. It exits without destructors, because those of a library may crash, and nothing depends on them.
 */
static void be_the_child(const struct options *options, const struct engine *engine, struct findings *findings) {
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    signal(SIGALRM, SIG_DFL);
    alarm(LONGEST_SECONDS);
    load_all(options, engine, &findings->problem);
    findings->ended = true;
    _exit(0);
}

static bool explain_death(const struct options *options, int status, struct problem *problem) {
    const char *what =
        options->check == CHECK_DELEGATE ? "the backend of the engine's library" : "the engine's library";
    if (WIFEXITED(status))
        return fail(problem, OUTCOME_UNSUPPORTED, "%s `%s` cannot be loaded: it ended the process with exit code %d",
                    what, options->library, WEXITSTATUS(status));
    int number = WTERMSIG(status);
    if (number == SIGALRM)
        return fail(problem, OUTCOME_UNSUPPORTED, "%s `%s` cannot be loaded: it did not end within %d s", what,
                    options->library, LONGEST_SECONDS);
    for (size_t i = 0; i < sizeof deaths / sizeof *deaths; i++) {
        if (deaths[i].number == number)
            return fail(problem, OUTCOME_UNSUPPORTED, "%s `%s` cannot be loaded: signal %d, %s", what, options->library,
                        number, deaths[i].words);
    }
    return fail(problem, OUTCOME_ERROR, "the process that loads %s `%s` was killed by signal %d", what,
                options->library, number);
}

static bool wait_for(pid_t child, const struct options *options, const struct findings *findings,
                     struct problem *problem) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR)
            return fail(problem, OUTCOME_ERROR, "the process that loads libraries is lost: %s", strerror(errno));
    }
    if (!findings->ended)
        return explain_death(options, status, problem);
    *problem = findings->problem;
    return problem->outcome == OUTCOME_OK;
}

static bool check_files(const struct options *options, struct problem *problem) {
    return library_check(options->library, problem) &&
           (options->delegate_library == NULL || library_check(options->delegate_library, problem));
}

bool loading_check(const struct options *options, const struct engine *engine, const struct caller *caller,
                   struct problem *problem) {
    if (!check_files(options, problem))
        return false;
    if (!caller->own_process)
        return load_all(options, engine, problem);
    struct findings *findings = mmap(NULL, sizeof *findings, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (findings == MAP_FAILED)
        return fail(problem, OUTCOME_ERROR, "no memory: %s", strerror(errno));
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        be_the_child(options, engine, findings);
    bool loads = child < 0 ? fail(problem, OUTCOME_ERROR, "no process: %s", strerror(errno))
                           : wait_for(child, options, findings, problem);
    munmap(findings, sizeof *findings);
    return loads;
}
