#include "shared/client/sockets.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace sluice::client {

int Sockets::open(int domain, int type, int protocol) {
  const std::lock_guard lock(mutex_);
  if (cut_) {
    errno = ESHUTDOWN;
    return -1;
  }
  const int descriptor = ::socket(domain, type | SOCK_CLOEXEC, protocol);
  if (descriptor >= 0) descriptors_.push_back(descriptor);
  return descriptor;
}

// Forgotten before it is closed: its number may be another file's right after.
int Sockets::close(int descriptor) {
  {
    const std::lock_guard lock(mutex_);
    std::erase(descriptors_, descriptor);
  }
  return ::close(descriptor);
}

void Sockets::cut() {
  const std::lock_guard lock(mutex_);
  cut_ = true;
  for (const int descriptor : descriptors_) ::shutdown(descriptor, SHUT_RDWR);
}

}  // namespace sluice::client
