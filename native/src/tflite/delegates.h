/* The delegates of TensorFlow Lite's backends and settings, made as they are asked for. */
#ifndef MOBILEBENCH_TFLITE_DELEGATES_H
#define MOBILEBENCH_TFLITE_DELEGATES_H

#include "core/proof.h"
#include "tflite/tflite.h"

/* Makes the delegate of the asked backend and setting; none for the setting `reference`. */
bool tflite_delegate_make(struct tflite *tflite, const struct options *options, struct problem *problem);

/* What can be read back of it. */
void tflite_delegate_prove(const struct tflite *tflite, const struct options *options, struct proof *proof);

/* A part of the delegate's name in an execution plan; NULL for the setting `reference`. */
const char *tflite_delegate_mark(const struct options *options);

/* What users call it. */
const char *tflite_delegate_title(const struct options *options);

#endif
