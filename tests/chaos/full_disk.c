/* Preloaded into a daemon (LD_PRELOAD): a small disk under one directory. What would make its files
 * larger than the disk gets ENOSPC, after as much as fits; statvfs tells the same.
 *
 * FULL_DISK_DATA is the directory. FULL_DISK_BYTES names a file with the disk's size in bytes, which
 * may change at any time (by rename). */
/* Both names of each call are ours, those for large files too. */
#undef _FILE_OFFSET_BITS
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char* data = NULL;
static const char* size_file = NULL;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct timespec size_from; /* of the file that bytes_free is computed from */
static long long bytes_free = 0;
static long long bytes_used = 0;

__attribute__((constructor)) static void read_environment(void) {
  data = getenv("FULL_DISK_DATA");
  size_file = getenv("FULL_DISK_BYTES");
  if (!data || !size_file) abort();
}

static int add(const char* path, const struct stat* file, int type, struct FTW* place) {
  (void)path;
  (void)place;
  if (type == FTW_F) bytes_used += file->st_size;
  return 0;
}

static void look(void) {
  char text[32] = {0};
  struct stat status;
  const int file = (int)syscall(SYS_openat, AT_FDCWD, size_file, O_RDONLY | O_CLOEXEC, 0);
  if (file < 0 || fstat(file, &status) != 0 || read(file, text, sizeof text - 1) <= 0) abort();
  close(file);
  size_from = status.st_mtim;
  bytes_used = 0;
  nftw(data, add, 16, FTW_PHYS);
  bytes_free = atoll(text) - bytes_used;
}

/* How much of it fits. */
static long long take(long long wanted) {
  struct stat status;
  pthread_mutex_lock(&lock);
  if (stat(size_file, &status) != 0) abort();
  if (wanted > bytes_free || status.st_mtim.tv_sec != size_from.tv_sec ||
      status.st_mtim.tv_nsec != size_from.tv_nsec) {
    look();
  }
  long long fits = wanted < bytes_free ? wanted : bytes_free;
  if (fits < 0) fits = 0;
  bytes_free -= fits;
  pthread_mutex_unlock(&lock);
  return fits;
}

static int is_ours(const char* path) {
  return data && strncmp(path, data, strlen(data)) == 0;
}

static int is_ours_open(int file) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = '\0';
  return is_ours(path);
}

static int no_space(void) {
  errno = ENOSPC;
  return -1;
}

ssize_t write(int file, const void* bytes, size_t count) {
  if (count > 0 && is_ours_open(file)) {
    count = (size_t)take((long long)count);
    if (count == 0) return no_space();
  }
  return syscall(SYS_write, file, bytes, count);
}

ssize_t pwrite64(int file, const void* bytes, size_t count, off64_t at) {
  if (count > 0 && is_ours_open(file)) {
    count = (size_t)take((long long)count);
    if (count == 0) return no_space();
  }
  return syscall(SYS_pwrite64, file, bytes, count, at);
}

ssize_t pwrite(int file, const void* bytes, size_t count, off_t at) {
  return pwrite64(file, bytes, count, at);
}

/* Room that is promised is not kept: the writes that need it may still fail. */
int fallocate64(int file, int mode, off64_t at, off64_t count) {
  if (is_ours_open(file)) {
    pthread_mutex_lock(&lock);
    const int fits = count <= bytes_free;
    pthread_mutex_unlock(&lock);
    if (!fits) return no_space();
  }
  return (int)syscall(SYS_fallocate, file, mode, at, count);
}

int fallocate(int file, int mode, off_t at, off_t count) {
  return fallocate64(file, mode, at, count);
}

static int open_if_room(const char* path, int flags, mode_t mode) {
  struct stat there;
  if ((flags & O_CREAT) && is_ours(path) && lstat(path, &there) != 0 && take(1) == 0) {
    return no_space();
  }
  return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = flags & O_CREAT ? (mode_t)va_arg(rest, int) : 0;
  va_end(rest);
  return open_if_room(path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = flags & O_CREAT ? (mode_t)va_arg(rest, int) : 0;
  va_end(rest);
  return open_if_room(path, flags | O_LARGEFILE, mode);
}

static int statvfs_of(const char* path, struct statvfs* told) {
  struct statfs real;
  if (syscall(SYS_statfs, path, &real) != 0) return -1;
  memset(told, 0, sizeof *told);
  told->f_bsize = told->f_frsize = (unsigned long)real.f_bsize;
  told->f_blocks = real.f_blocks;
  told->f_bfree = real.f_bfree;
  told->f_bavail = real.f_bavail;
  if (!is_ours(path)) return 0;
  pthread_mutex_lock(&lock);
  look();
  const unsigned long blocks =
      bytes_free > 0 ? (unsigned long)bytes_free / told->f_frsize : 0;
  pthread_mutex_unlock(&lock);
  told->f_bfree = told->f_bavail = blocks;
  return 0;
}

int statvfs(const char* path, struct statvfs* told) {
  return statvfs_of(path, told);
}

int statvfs64(const char* path, struct statvfs64* told) {
  return statvfs_of(path, (struct statvfs*)told);
}
