/* The options that describe inputs and outputs. */
#ifndef MOBILEBENCH_ARGS_TENSORS_H
#define MOBILEBENCH_ARGS_TENSORS_H

#include "core/args.h"

/* Reads the value of --input: NAME,DTYPE,SHAPE,FILL */
bool args_input(struct options *options, char *text, struct problem *problem);

/* Reads the value of --output: CANONICAL=NAME */
bool args_output(struct options *options, char *text, struct problem *problem);

/* Sets the first size of every input to `batch`. */
bool args_batch(struct options *options, long batch, struct problem *problem);

#endif
