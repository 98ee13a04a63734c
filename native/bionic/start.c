/* Calls the C library from the program's entry. It initialises itself, runs `main` and exits with its result. */
#include <stddef.h>

/* Functions to run before and after `main`. The linker runs those before it, and the runner has none after it; the C
 * library takes a missing list for an empty one. */
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
