/* The runner as a library of an app: the native methods of the Java class
 * `org.mobilebench.core.NativeRunner`.
 *
 * It measures as the program does, in the process of the app and on the thread that calls it, and writes the answer to
 * a file. Nothing is written to standard output, and no process is started.
 */
#include "jni/api.h"

#include <stdlib.h>
#include <string.h>

#include "core/run.h"
#include "os/file.h"

#define EXPORTED __attribute__((visibility("default")))

static struct jni jni_of(void *environment) {
    void *const *table = *(void *const *const *)environment;
    struct jni jni = {.environment = environment};
#define FIND(name, position, result, parameters) *(void **)&jni.name = table[position];
    JNI_FUNCTIONS(FIND)
#undef FIND
    return jni;
}

/* Java's method `void stage(String)` of the object that watches. */
struct watcher {
    const struct jni *jni;
    void *object;
    void *method;
};

/* Tells Java that a stage begins. What Java throws is dropped: it must not end a measurement. */
static void tell(void *context, const char *name) {
    const struct watcher *watcher = context;
    const struct jni *jni = watcher->jni;
    union jni_value argument = {.number = 0};
    argument.object = jni->NewStringUTF(jni->environment, name);
    if (argument.object != NULL) {
        jni->CallVoidMethodA(jni->environment, watcher->object, watcher->method, &argument);
        jni->DeleteLocalRef(jni->environment, argument.object);
    }
    jni->ExceptionClear(jni->environment);
}

static bool watch(const struct jni *jni, void *object, struct watcher *watcher) {
    void *class = jni->GetObjectClass(jni->environment, object);
    *watcher = (struct watcher){.jni = jni, .object = object};
    watcher->method = jni->GetMethodID(jni->environment, class, "stage", "(Ljava/lang/String;)V");
    jni->DeleteLocalRef(jni->environment, class);
    return watcher->method != NULL;
}

/* A Java byte array as a new string; NULL when there is no memory, or Java has thrown. */
static char *text_of(const struct jni *jni, void *bytes) {
    int32_t length = jni->GetArrayLength(jni->environment, bytes);
    char *text = malloc((size_t)length + 1);
    if (text == NULL)
        return NULL;
    jni->GetByteArrayRegion(jni->environment, bytes, 0, length, (int8_t *)text);
    text[length] = '\0';
    return text;
}

static void free_words(char **words, int count) {
    for (int i = 1; words != NULL && i < count; i++)
        free(words[i]);
    free(words);
}

/* The arguments behind a program's name, as `main` gets them; NULL when there is no memory. */
static char **words_of(const struct jni *jni, void *arguments, int count) {
    static char name[] = "mobilebench-runner";
    char **words = calloc((size_t)count + 1, sizeof *words);
    if (words == NULL)
        return NULL;
    words[0] = name;
    for (int i = 1; i < count; i++) {
        void *bytes = jni->GetObjectArrayElement(jni->environment, arguments, i - 1);
        words[i] = text_of(jni, bytes);
        jni->DeleteLocalRef(jni->environment, bytes);
        if (words[i] == NULL) {
            free_words(words, count);
            return NULL;
        }
    }
    return words;
}

static int measure(int count, char **words, const char *answer, struct watcher *watcher) {
    struct caller caller = {.own_process = false, .stage = tell, .context = watcher};
    struct run *run = calloc(1, sizeof *run);
    if (run == NULL)
        return EXIT_NOT_WRITTEN;
    int code = run_arguments(run, count, words, &caller);
    if (run->json.failed || !file_replace(answer, run->json.text, run->json.length))
        code = EXIT_NOT_WRITTEN;
    run_free(run);
    free(run);
    return code;
}

/* `static native int run(byte[][] arguments, byte[] answer, Progress progress)`: the runner's arguments and the path of
 * the answer in UTF-8. Returns the runner's exit code; the answer is whole, or there is none (4). */
/* cppcheck-suppress unusedFunction ; Java calls it */
EXPORTED int32_t Java_org_mobilebench_core_NativeRunner_run(void *environment, const void *class, void *arguments,
                                                            void *answer, void *progress) {
    (void)class;
    struct jni jni = jni_of(environment);
    struct watcher watcher;
    if (!watch(&jni, progress, &watcher))
        return EXIT_NOT_WRITTEN;
    int count = jni.GetArrayLength(environment, arguments) + 1;
    char **words = words_of(&jni, arguments, count);
    char *path = text_of(&jni, answer);
    int code = words == NULL || path == NULL ? EXIT_NOT_WRITTEN : measure(count, words, path, &watcher);
    free_words(words, count);
    free(path);
    return code;
}

/* `static native void setVariable(byte[] name, byte[] value)`: sets an environment variable, in UTF-8. */
/* cppcheck-suppress unusedFunction ; Java calls it */
EXPORTED void Java_org_mobilebench_core_NativeRunner_setVariable(void *environment, const void *class, void *name,
                                                                 void *value) {
    (void)class;
    struct jni jni = jni_of(environment);
    char *name_text = text_of(&jni, name);
    char *value_text = text_of(&jni, value);
    if (name_text != NULL && value_text != NULL)
        setenv(name_text, value_text, 1);
    free(name_text);
    free(value_text);
}
