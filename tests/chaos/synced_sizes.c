/* Preloaded into a daemon (LD_PRELOAD): notes how far each file was synced, so that a test can take
 * back everything else after kill -9, as a power cut would. Our daemons and RocksDB only append to
 * files and replace them by rename, so a size per inode says all.
 *
 * SYNCED_SIZES names the journal, one line "inode size" per successful fsync or fdatasync. It is
 * written before the caller learns of the success, so whatever was acknowledged is in it.
 * SYNCED_SIZES_LIE=1 reports success without noting anything: a disk that lies. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int journal = -1;
static int lie = 0;

__attribute__((constructor)) static void open_journal(void) {
  const char* path = getenv("SYNCED_SIZES");
  const char* lies = getenv("SYNCED_SIZES_LIE");
  if (path) journal = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  lie = lies && lies[0] == '1';
  if (journal < 0) abort();
}

static int sync_and_note(long call, int file) {
  struct stat before;
  if (fstat(file, &before) != 0) return -1;
  if (lie) return 0;
  if (syscall(call, file) != 0) return -1;
  if (!S_ISREG(before.st_mode)) return 0;
  char line[64];
  const int length = snprintf(line, sizeof line, "%llu %lld\n", (unsigned long long)before.st_ino,
                              (long long)before.st_size);
  if (write(journal, line, (size_t)length) != length) abort();
  return 0;
}

int fsync(int file) {
  return sync_and_note(SYS_fsync, file);
}

int fdatasync(int file) {
  return sync_and_note(SYS_fdatasync, file);
}
