#ifndef MOBILEBENCH_BIONIC_DLFCN_H
#define MOBILEBENCH_BIONIC_DLFCN_H

/* On 32 bits RTLD_NOW is 0 and RTLD_GLOBAL is 2, which elsewhere is RTLD_NOW. */
#ifdef __LP64__
#define RTLD_NOW 2
#define RTLD_GLOBAL 0x100
#define RTLD_DEFAULT ((void *)0)
#else
#define RTLD_NOW 0
#define RTLD_GLOBAL 2
#define RTLD_DEFAULT ((void *)0xFFFFFFFFU)
#endif
#define RTLD_LOCAL 0
#define RTLD_LAZY 1
#define RTLD_NOLOAD 4
#define RTLD_NODELETE 0x1000

typedef struct {
    const char *dli_fname;
    void *dli_fbase;
    const char *dli_sname;
    void *dli_saddr;
} Dl_info;

void *dlopen(const char *path, int flags);
void *dlsym(void *library, const char *name);
char *dlerror(void);
int dlclose(void *library);
int dladdr(const void *address, Dl_info *found);

#endif
