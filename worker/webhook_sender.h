#pragma once
// WebhookSender: brings the deliveries of the partitions that this worker owns to the shop's own
// system (docs/webhook.md): at least once, those of an order in their order. The worker writes them
// in the transaction of their rows; here they are read, sent, and removed or put off. Whatever a
// kill leaves unrecorded is sent again.
//
// Runs on the thread that calls run(), with a connection to the database of its own: a shop that is
// slow or down delays no order. The other functions may be called from any thread.

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/random.h"
#include "shared/base/result.h"
#include "shared/orders/delivery_store.h"
#include "worker/options.h"
#include "worker/webhook_client.h"
#include "worker/webhook_metrics.h"
#include "worker/webhook_queue.h"
#include "worker/webhook_signature.h"

namespace sluice::worker {

// What an operator sees of it.
struct WebhookStatus {
  std::int64_t pending = 0;
  std::int64_t parked = 0;
  std::int64_t oldest_pending_seconds = 0;
  std::int64_t in_flight = 0;
  bool failing = false;    // the shop's system; deliveries are tried one at a time
  std::string last_error;  // of an attempt or of the database; empty when the newest went well
};

class WebhookSender {
 public:
  // REQUIRES: options.webhook_url is set; `clock` and `metrics` outlive it. Errors name the option.
  static Result<std::unique_ptr<WebhookSender>> open(const Options& options, const Clock& clock,
                                                     WebhookMetrics& metrics);

  // Returns after stop(), within a second: answers that come in that time are recorded.
  void run();
  void stop();

  // The partitions whose deliveries are sent from now on. Those that go elsewhere meanwhile may
  // still be under way: they arrive twice.
  void own(std::vector<std::int32_t> partitions);
  // There are new ones.
  void wake();

  std::int64_t concurrency() const { return concurrency_; }
  void set_concurrency(std::int64_t requests) { concurrency_ = requests; }
  WebhookStatus status() const;

 private:
  WebhookSender(const Options& options, WebhookSigner signer, std::unique_ptr<WebhookClient> client,
                std::unique_ptr<orders::DeliveryStore> store, const Clock& clock,
                WebhookMetrics& metrics);

  void turn(Millis wait);
  void take_partitions();
  void read_due();
  void send(orders::Delivery delivery);
  void hear(const WebhookAnswer& answer);
  void record();
  void measure();
  bool stopping() const { return stopping_.load(std::memory_order_relaxed); }
  void trouble(std::string what);

  const std::string topic_;
  const WebhookSigner signer_;
  const std::unique_ptr<WebhookClient> client_;
  const std::unique_ptr<orders::DeliveryStore> store_;
  const Clock& clock_;
  WebhookMetrics& metrics_;
  SystemRandom random_;
  WebhookQueue queue_;
  std::vector<std::int32_t> partitions_;
  std::map<std::string, Instant> sent_at_;
  Instant read_at_;    // the database is not asked before, unless there is news
  Instant record_at_;  // nor written, after trouble
  Instant recorded_at_;
  Instant measure_at_;

  std::atomic<std::int64_t> concurrency_;
  std::atomic<bool> news_{false};
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  std::vector<std::int32_t> owned_;  // guarded by mutex_, as is the next
  WebhookStatus status_;
};

}  // namespace sluice::worker
