/* Stands before the C library and lets one system call on files of a folder fail.
 *
 * Loaded by LD_PRELOAD, it sees what Python, Polars, Arrow and SQLite ask of the disk alike.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define LOOK "look at"
#define OPENS(flags) ((flags) & (O_WRONLY | O_RDWR | O_CREAT) ? "open" : LOOK)

static char folder[4096];
static atomic_long calls, failing;
static int error_number, only_changes;
static char failed[4200];

/* Count from now on the calls on files below `path`, all or those that change something, and let
 * the `at`-th fail; 0 is none.
 */
void faulty_disk_arm(const char *path, long at, int number, int changes) {
    snprintf(folder, sizeof folder, "%s", path);
    failed[0] = 0;
    error_number = number;
    only_changes = changes;
    atomic_store(&calls, 0);
    atomic_store(&failing, at);
}

long faulty_disk_calls(void) { return atomic_load(&calls); }

const char *faulty_disk_failed(void) { return failed; }

static int fails(const char *call, const char *path) {
    size_t length = strlen(folder);
    if (!length || strncmp(path, folder, length)) return 0;
    if (path[length] && path[length] != '/') return 0;
    if (only_changes && !strcmp(call, LOOK)) return 0;
    if (atomic_fetch_add(&calls, 1) + 1 != atomic_load(&failing)) return 0;
    snprintf(failed, sizeof failed, "%s %s", call, path + length);
    errno = error_number;
    return 1;
}

static int fails_fd(const char *call, int fd) {
    char link[64], path[4096];
    if (!folder[0]) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return fails(call, path);
}

#define REAL(name) static __typeof__(name) *real; if (!real) real = dlsym(RTLD_NEXT, #name)

#define OPEN(name)                                                       \
    int name(const char *path, int flags, ...) {                         \
        REAL(name);                                                      \
        va_list rest; va_start(rest, flags);                             \
        mode_t mode = va_arg(rest, mode_t); va_end(rest);                \
        return fails(OPENS(flags), path) ? -1 : real(path, flags, mode);       \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                     \
    int name(int at, const char *path, int flags, ...) {                 \
        REAL(name);                                                      \
        va_list rest; va_start(rest, flags);                             \
        mode_t mode = va_arg(rest, mode_t); va_end(rest);                \
        return fails(OPENS(flags), path) ? -1 : real(at, path, flags, mode);   \
    }
OPENAT(openat)
OPENAT(openat64)

DIR *opendir(const char *path) { REAL(opendir); return fails(LOOK, path) ? NULL : real(path); }

#define BY_PATH(name, call, parameters, arguments, path)                 \
    int name parameters { REAL(name); return fails(call, path) ? -1 : real arguments; }
BY_PATH(mkdir, "mkdir", (const char *a, mode_t m), (a, m), a)
BY_PATH(unlink, "unlink", (const char *a), (a), a)
BY_PATH(unlinkat, "unlink", (int d, const char *a, int f), (d, a, f), a)
BY_PATH(rename, "rename", (const char *a, const char *b), (a, b), b)
BY_PATH(renameat, "rename", (int d, const char *a, int e, const char *b), (d, a, e, b), b)
BY_PATH(link, "link", (const char *a, const char *b), (a, b), b)
BY_PATH(linkat, "link", (int d, const char *a, int e, const char *b, int f), (d, a, e, b, f), b)

#define BY_FD(type, name, call, parameters, arguments)                   \
    type name parameters { REAL(name); return fails_fd(call, fd) ? -1 : real arguments; }
BY_FD(ssize_t, write, "write", (int fd, const void *b, size_t n), (fd, b, n))
BY_FD(ssize_t, pwrite, "write", (int fd, const void *b, size_t n, off_t o), (fd, b, n, o))
BY_FD(ssize_t, pwrite64, "write", (int fd, const void *b, size_t n, off64_t o), (fd, b, n, o))
BY_FD(ssize_t, writev, "write", (int fd, const struct iovec *v, int n), (fd, v, n))
BY_FD(int, fsync, "fsync", (int fd), (fd))
BY_FD(int, fdatasync, "fsync", (int fd), (fd))
