#ifndef MOBILEBENCH_BIONIC_CTYPE_H
#define MOBILEBENCH_BIONIC_CTYPE_H

int isalnum(int character);
int isalpha(int character);
int isdigit(int character);
int isprint(int character);
int isspace(int character);
int isxdigit(int character);
int tolower(int character);
int toupper(int character);

#endif
