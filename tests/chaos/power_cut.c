/* Preloaded into a daemon (LD_PRELOAD): notes what would survive a power cut, so that a test can take
 * back everything else after kill -9. Of contents: how far each file was synced; our daemons and
 * RocksDB only append to files and replace them by rename, so a size per inode says all. Of names:
 * what was created, renamed and removed, and which directories were synced.
 *
 * POWER_CUT_JOURNAL names the journal, one line each, written before the caller learns of success:
 *   sync INODE SIZE     create PATH INODE     rename FROM TO     remove PATH     directory PATH
 * POWER_CUT_DATA is the directory that it is about. POWER_CUT_ATTIC keeps what lost its name, under
 * its inode, so that the name can be given back.
 * POWER_CUT_LIE: a disk that lies reports success of syncs without noting anything, of "all" or of
 * "directories". */
/* Both names of each call are ours, those for large files too. */
#undef _FILE_OFFSET_BITS
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int journal = -1;
static int lies_of_files = 0;
static int lies_of_directories = 0;
static const char* data = NULL;
static const char* attic = NULL;
/* A change and its line are one, for the order of the lines. */
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void open_journal(void) {
  const char* path = getenv("POWER_CUT_JOURNAL");
  const char* lies = getenv("POWER_CUT_LIE");
  data = getenv("POWER_CUT_DATA");
  attic = getenv("POWER_CUT_ATTIC");
  if (path) journal = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  lies_of_files = lies && strcmp(lies, "all") == 0;
  lies_of_directories = lies_of_files || (lies && strcmp(lies, "directories") == 0);
  if (journal < 0 || !data || !attic) abort();
}

static void note(const char* line, int length) {
  if (length <= 0 || write(journal, line, (size_t)length) != length) abort();
}

static int is_ours(const char* path) {
  return data && strncmp(path, data, strlen(data)) == 0;
}

static int sync_and_note(long call, int file) {
  struct stat before;
  if (fstat(file, &before) != 0) return -1;
  if (S_ISDIR(before.st_mode) ? lies_of_directories : lies_of_files) return 0;
  pthread_mutex_lock(&order);
  const int result = (int)syscall(call, file);
  char line[PATH_MAX + 64];
  if (result == 0 && S_ISREG(before.st_mode)) {
    note(line, snprintf(line, sizeof line, "sync %llu %lld\n", (unsigned long long)before.st_ino,
                        (long long)before.st_size));
  } else if (result == 0 && S_ISDIR(before.st_mode)) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    const ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) abort();
    path[length] = '\0';
    note(line, snprintf(line, sizeof line, "directory %s\n", path));
  }
  pthread_mutex_unlock(&order);
  return result;
}

int fsync(int file) {
  return sync_and_note(SYS_fsync, file);
}

int fdatasync(int file) {
  return sync_and_note(SYS_fdatasync, file);
}

static int open_and_note(const char* path, int flags, mode_t mode) {
  if (!(flags & O_CREAT) || !is_ours(path)) {
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
  }
  pthread_mutex_lock(&order);
  struct stat there;
  const int is_new = lstat(path, &there) != 0;
  const int file = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
  if (file >= 0 && is_new && fstat(file, &there) == 0) {
    char line[PATH_MAX + 64];
    note(line, snprintf(line, sizeof line, "create %s %llu\n", path,
                        (unsigned long long)there.st_ino));
  }
  pthread_mutex_unlock(&order);
  return file;
}

static mode_t mode_of(int flags, va_list rest) {
  return flags & (O_CREAT | O_TMPFILE) ? (mode_t)va_arg(rest, int) : 0;
}

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = mode_of(flags, rest);
  va_end(rest);
  return open_and_note(path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = mode_of(flags, rest);
  va_end(rest);
  return open_and_note(path, flags | O_LARGEFILE, mode);
}

/* The file keeps a name in the attic. */
static void keep(const char* path) {
  struct stat there;
  if (lstat(path, &there) != 0) return;
  char kept[PATH_MAX];
  snprintf(kept, sizeof kept, "%s/%llu", attic, (unsigned long long)there.st_ino);
  (void)!link(path, kept);
}

int rename(const char* from, const char* to) {
  if (!is_ours(to)) return (int)syscall(SYS_rename, from, to);
  pthread_mutex_lock(&order);
  keep(to);
  const int result = (int)syscall(SYS_rename, from, to);
  char line[2 * PATH_MAX + 64];
  if (result == 0) note(line, snprintf(line, sizeof line, "rename %s %s\n", from, to));
  pthread_mutex_unlock(&order);
  return result;
}

int unlink(const char* path) {
  if (!is_ours(path)) return (int)syscall(SYS_unlink, path);
  pthread_mutex_lock(&order);
  keep(path);
  const int result = (int)syscall(SYS_unlink, path);
  char line[PATH_MAX + 64];
  if (result == 0) note(line, snprintf(line, sizeof line, "remove %s\n", path));
  pthread_mutex_unlock(&order);
  return result;
}
