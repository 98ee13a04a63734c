/* From the program's entry into the C library, which sets itself up, runs `main` and exits with its answer. */
#include <stddef.h>

/* Functions to run before and after `main`. The linker runs those before it by itself, and the runner has none after:
 * the C library takes missing lists for empty ones. */
struct lists {
    void (**preinit)(void);
    void (**init)(void);
    void (**fini)(void);
};

void __libc_init(void *arguments, void (*unused)(void), int (*program)(int, char **, char **),
                 const struct lists *lists) __attribute__((noreturn));
int main(int count, char **values, char **environment);
void start_c(void *arguments) __attribute__((noreturn, visibility("hidden")));

void start_c(void *arguments) {
    static const struct lists none;
    __libc_init(arguments, NULL, main, &none);
}
