#include "os/problem.h"

#include <stdarg.h>
#include <stdio.h>

bool fail(struct problem *problem, enum outcome outcome, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(problem->text, sizeof problem->text, format, arguments);
    va_end(arguments);
    problem->outcome = outcome;
    return false;
}
