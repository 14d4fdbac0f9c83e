#pragma once
// Inside of shared/client only: the sockets of one librdkafka handle, so that they can be cut.

#include <mutex>
#include <vector>

namespace sluice::client {

// A handle cannot be destroyed before its requests have ended, and a server may hold an answer back
// for as long as it likes: Kafka's to JoinGroup until the group's other members came or are given
// up, and it reads nothing else of that connection meanwhile. Cut, they end at once.
// Thread-safe; librdkafka's threads open and close.
class Sockets {
 public:
  // As socket(2) and close(2). After cut() no socket is made: -1, errno is ESHUTDOWN.
  int open(int domain, int type, int protocol);
  int close(int descriptor);

  // Whatever waits on a socket sees it ended; librdkafka closes it.
  void cut();

 private:
  std::mutex mutex_;
  std::vector<int> descriptors_;
  bool cut_ = false;
};

}  // namespace sluice::client
