/* The JSON that the runner prints: a measurement, or the reason why there is none. */
#ifndef MOBILEBENCH_REPORT_H
#define MOBILEBENCH_REPORT_H

#include "core/block.h"
#include "core/json.h"

#define MEASUREMENT_SCHEMA "mobilebench/measurement/1"

/* Writes the report. `options` is NULL when the arguments were refused. */
void report(struct json *json, const struct options *options, const struct block *block, const struct problem *problem);

#endif
