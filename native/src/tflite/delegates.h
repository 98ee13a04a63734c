/* The delegates of TensorFlow Lite's backends. */
#ifndef MOBILEBENCH_TFLITE_DELEGATES_H
#define MOBILEBENCH_TFLITE_DELEGATES_H

#include "core/proof.h"
#include "tflite/tflite.h"

/* Creates the delegate that the options name; none with --delegate none. */
bool tflite_delegate_make(struct tflite *tflite, const struct options *options, struct problem *problem);

/* Adds what can be read back from the delegate to the proof. */
void tflite_delegate_prove(const struct tflite *tflite, const struct options *options, struct proof *proof);

/* Returns a part of the delegate's name in an execution plan; NULL with --delegate none. */
const char *tflite_delegate_mark(const struct options *options);

/* Returns the users' name for the delegate. */
const char *tflite_delegate_title(const struct options *options);

#endif
