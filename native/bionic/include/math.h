#ifndef MOBILEBENCH_BIONIC_MATH_H
#define MOBILEBENCH_BIONIC_MATH_H

#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")
#define HUGE_VAL __builtin_huge_val()

#define isfinite(value) __builtin_isfinite(value)
#define isinf(value) __builtin_isinf(value)
#define isnan(value) __builtin_isnan(value)
#define signbit(value) __builtin_signbit(value)

double ceil(double value);
double exp(double value);
double fabs(double value);
double floor(double value);
double fmax(double left, double right);
double fmin(double left, double right);
double fmod(double value, double by);
double log(double value);
double pow(double base, double exponent);
double rint(double value);
double round(double value);
double sqrt(double value);
double trunc(double value);
float fabsf(float value);
float fmaxf(float left, float right);
float fminf(float left, float right);
float sqrtf(float value);

#endif
