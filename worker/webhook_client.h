#pragma once
// WebhookClient: POSTs over HTTP, many at a time. The only code that sees libcurl.
//
// Redirects are not followed: the body is for the one who was named. Certificates are verified.
// A proxy that the environment names (HTTPS_PROXY, NO_PROXY) is used, as curl does.

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "worker/webhook_policy.h"

namespace sluice::worker {

struct WebhookTarget {
  std::string url;      // http or https
  Millis timeout{0};    // from the beginning of a request to the end of its answer
  std::string ca_file;  // PEM; empty: the system's
};

struct WebhookRequest {
  std::string id;
  std::vector<std::string> headers;  // "Name: value"
  std::string body;
};

// One thread, except for wake(). Whoever posts bounds how much is on its way.
class WebhookClient {
 public:
  // Of an answer, each. More of its body is not read: its status is what counts. Of one with more
  // headers nothing counts.
  static constexpr std::size_t kMaxBodyBytes = 64 << 10;
  static constexpr std::size_t kMaxHeaderBytes = 64 << 10;

  // Code::invalid: libcurl does not take the target.
  static Result<std::unique_ptr<WebhookClient>> open(WebhookTarget target);
  // What is on its way is broken off.
  ~WebhookClient();

  void post(WebhookRequest request);

  // Answers that have come. Returns when there are some, at wake(), or after the time.
  std::vector<WebhookAnswer> wait(Millis at_most);
  // Any thread. A wait() that runs returns, or else the next one.
  void wake();

 private:
  struct Transfer;
  struct Curl;

  explicit WebhookClient(WebhookTarget target);
  WebhookAnswer answer_of(const Transfer& transfer, int result) const;

  const WebhookTarget target_;
  std::unique_ptr<Curl> curl_;
};

}  // namespace sluice::worker
