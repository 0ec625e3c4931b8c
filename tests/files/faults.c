/* Put before the C library (LD_PRELOAD), this lets a process end, or the disk be full, at the k-th
   system call that changes files. Calls are counted from fault_arm on. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OFF, COUNT, KILL, FULL_ONCE, FULL_FROM };

static atomic_int mode = OFF;
static atomic_long at = 0, count = 0;

void fault_arm(int how, long k) { atomic_store(&count, 0); atomic_store(&at, k); atomic_store(&mode, how); }
long fault_count(void) { return atomic_load(&count); }

/* Whether this call fails for want of room; a killed process does not come back. `grows`: whether a
   disk that is full for good refuses it; deleting and renaming need no room. */
static int fails(int grows) {
    int how = atomic_load(&mode);
    if (how == OFF || (how == FULL_FROM && !grows)) return 0;
    long here = atomic_fetch_add(&count, 1) + 1, k = atomic_load(&at);
    if (how == KILL && here == k) _exit(77);
    if ((how == FULL_ONCE && here == k) || (how == FULL_FROM && here >= k)) {
        errno = ENOSPC;
        return 1;
    }
    return 0;
}

static int regular(int fd) {
    struct stat found;
    return fstat(fd, &found) == 0 && S_ISREG(found.st_mode);
}

#define NEXT(name) ((typeof(&name))dlsym(RTLD_NEXT, #name))
#define MODE(flags, last) \
    mode_t permissions = 0; \
    if ((flags) & O_CREAT) { va_list rest; va_start(rest, last); permissions = va_arg(rest, mode_t); va_end(rest); }

int open(const char *path, int flags, ...) {
    MODE(flags, flags)
    if ((flags & O_CREAT) && fails(1)) return -1;
    return NEXT(open)(path, flags, permissions);
}
int open64(const char *path, int flags, ...) {
    MODE(flags, flags)
    if ((flags & O_CREAT) && fails(1)) return -1;
    return NEXT(open64)(path, flags, permissions);
}
int openat(int folder, const char *path, int flags, ...) {
    MODE(flags, flags)
    if ((flags & O_CREAT) && fails(1)) return -1;
    return NEXT(openat)(folder, path, flags, permissions);
}
int openat64(int folder, const char *path, int flags, ...) {
    MODE(flags, flags)
    if ((flags & O_CREAT) && fails(1)) return -1;
    return NEXT(openat64)(folder, path, flags, permissions);
}
ssize_t write(int fd, const void *data, size_t size) {
    if (regular(fd) && fails(1)) return -1;
    return NEXT(write)(fd, data, size);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
    if (regular(fd) && fails(1)) return -1;
    return NEXT(pwrite64)(fd, data, size, offset);
}
int fsync(int fd) { return fails(1) ? -1 : NEXT(fsync)(fd); }
int ftruncate64(int fd, off64_t size) { return fails(1) ? -1 : NEXT(ftruncate64)(fd, size); }
int mkdir(const char *path, mode_t m) { return fails(1) ? -1 : NEXT(mkdir)(path, m); }
int rename(const char *a, const char *b) { return fails(0) ? -1 : NEXT(rename)(a, b); }
int renameat(int f, const char *a, int g, const char *b) {
    return fails(0) ? -1 : NEXT(renameat)(f, a, g, b);
}
int unlink(const char *path) { return fails(0) ? -1 : NEXT(unlink)(path); }
int unlinkat(int f, const char *path, int flags) {
    return fails(0) ? -1 : NEXT(unlinkat)(f, path, flags);
}
int rmdir(const char *path) { return fails(0) ? -1 : NEXT(rmdir)(path); }
