#include "worker/webhook_sender.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "shared/base/fail_point.h"
#include "shared/base/file.h"
#include "shared/log/log.h"

namespace sluice::worker {
namespace {

using orders::DeliveryOutcome;

constexpr Millis kReadInterval{250};  // deliveries that become due, or are sent back by somebody
// Outcomes share a transaction, because placing wants the disk too; sooner when nothing else is to
// be sent, as it may wait for them.
constexpr Millis kRecordInterval{200};
constexpr Millis kIdleRecordInterval{50};
constexpr Millis kAfterTrouble{1'000};  // of the database
constexpr Millis kMeasureInterval{2'000};
constexpr int kMeasureShare = 20;  // counting a large backlog takes a twentieth of the time at most
constexpr Millis kStopGrace{1'000};
constexpr std::size_t kMaxCaFileBytes = 8 << 20;

WebhookQueue::Limits limits_of(const Options& options) {
  return {.concurrency = static_cast<std::size_t>(options.webhook_concurrency),
          .longest_delay = options.webhook_retry_max_delay,
          .retry_for = options.webhook_retry_for};
}

}  // namespace

Result<std::unique_ptr<WebhookSender>> WebhookSender::open(const Options& options,
                                                           const Clock& clock,
                                                           WebhookMetrics& metrics) {
  TRY(signer, read_webhook_secrets(options.webhook_secret_files));
  if (!options.webhook_ca_file.empty()) {
    const auto readable = read_file(options.webhook_ca_file, kMaxCaFileBytes);
    if (!readable) {
      return fail(
          readable.error().code,
          fmt::format("webhook_ca_file: {} {}", options.webhook_ca_file, readable.error().context));
    }
  }
  auto client = WebhookClient::open({.url = options.webhook_url,
                                     .timeout = options.webhook_timeout,
                                     .ca_file = options.webhook_ca_file});
  if (!client) {
    return fail(client.error().code, fmt::format("webhook_url: {}", client.error().context));
  }
  TRY(store, orders::DeliveryStore::open(options.database));
  return std::unique_ptr<WebhookSender>(new WebhookSender(
      options, std::move(signer), std::move(*client), std::move(store), clock, metrics));
}

WebhookSender::WebhookSender(const Options& options, WebhookSigner signer,
                             std::unique_ptr<WebhookClient> client,
                             std::unique_ptr<orders::DeliveryStore> store, const Clock& clock,
                             WebhookMetrics& metrics)
    : topic_(options.orders_topic),
      signer_(std::move(signer)),
      client_(std::move(client)),
      store_(std::move(store)),
      clock_(clock),
      metrics_(metrics),
      queue_(limits_of(options), random_),
      concurrency_(options.webhook_concurrency) {}

void WebhookSender::run() {
  while (!stopping()) {
    take_partitions();
    queue_.set_concurrency(static_cast<std::size_t>(concurrency_.load()));
    read_due();
    while (auto next = queue_.take(clock_.now())) send(std::move(*next));
    turn(queue_.unrecorded().empty() ? kReadInterval : kIdleRecordInterval);
    measure();
  }
  const Instant until = clock_.now() + kStopGrace;
  while (queue_.in_flight() > 0 && clock_.now() < until) turn(kIdleRecordInterval);
  record_at_ = recorded_at_ = {};
  record();
  if (queue_.in_flight() == 0) return;
  log::info("deliveries under way are sent again at the next start count={}", queue_.in_flight());
}

// What is on its way goes on.
void WebhookSender::turn(Millis wait) {
  for (const WebhookAnswer& answer : client_->wait(wait)) hear(answer);
  record();
}

void WebhookSender::stop() {
  stopping_.store(true, std::memory_order_relaxed);
  store_->stop();
  client_->wake();
}

void WebhookSender::own(std::vector<std::int32_t> partitions) {
  {
    const std::lock_guard lock(mutex_);
    owned_ = std::move(partitions);
  }
  wake();
}

void WebhookSender::wake() {
  news_ = true;
  client_->wake();
}

WebhookStatus WebhookSender::status() const {
  const std::lock_guard lock(mutex_);
  WebhookStatus now = status_;
  now.in_flight = metrics_.in_flight.value();
  return now;
}

void WebhookSender::take_partitions() {
  const std::lock_guard lock(mutex_);
  if (partitions_ == owned_) return;
  partitions_ = owned_;
  queue_.clear_waiting();
  measure_at_ = {};
}

void WebhookSender::read_due() {
  const Instant now = clock_.now();
  if (!queue_.wants_more(now)) return;
  if (news_.exchange(false)) read_at_ = std::min(read_at_, now);
  if (now < read_at_) return;
  auto due = store_->due(topic_, partitions_, clock_.wall(), queue_.to_ask_for());
  if (!due) {
    read_at_ = now + kAfterTrouble;
    trouble(due.error().context);
    return;
  }
  queue_.offer(std::move(*due));
  // A stretch that is sent makes room for the next at once; an empty one is looked at again later.
  if (!queue_.has_waiting()) read_at_ = now + kReadInterval;
}

void WebhookSender::send(orders::Delivery delivery) {
  const std::int64_t seconds = clock_.wall().unix_millis / 1000;
  sent_at_[delivery.id] = clock_.now();
  client_->post(
      {.id = delivery.id,
       .headers = {"Content-Type: application/json", "webhook-id: " + delivery.id,
                   fmt::format("webhook-timestamp: {}", seconds),
                   "webhook-signature: " + signer_.sign(delivery.id, seconds, delivery.body),
                   "Idempotency-Key: " + delivery.id},
       .body = std::move(delivery.body)});
  metrics_.in_flight.set(static_cast<std::int64_t>(queue_.in_flight()));
  FAIL_POINT("webhook-sent");
}

void WebhookSender::hear(const WebhookAnswer& answer) {
  FAIL_POINT("webhook-heard");
  const Instant now = clock_.now();
  const auto sent = sent_at_.extract(answer.id);
  metrics_.attempt_seconds.observe(now - sent.mapped());
  const bool was_failing = queue_.failing();
  const DeliveryOutcome& outcome = queue_.answered(answer, now, clock_.wall());
  metrics_.in_flight.set(static_cast<std::int64_t>(queue_.in_flight()));
  if (outcome.kind == DeliveryOutcome::Kind::delivered) {
    metrics_.delivered.add();
  } else {
    metrics_.failed_attempts.add();
  }
  if (outcome.kind == DeliveryOutcome::Kind::parked) {
    metrics_.parked_ever.add();
    log::warning("delivery parked id={} attempts={} why={}", answer.id, outcome.attempts_before + 1,
                 log::quoted(outcome.error));
  }
  if (!was_failing && queue_.failing()) {
    log::warning("the webhook fails why={}", log::quoted(outcome.error));
  } else if (was_failing && !queue_.failing()) {
    log::info("the webhook works again");
  }
  const std::lock_guard lock(mutex_);
  status_.failing = queue_.failing();
  status_.last_error = outcome.error;
}

void WebhookSender::record() {
  const Instant now = clock_.now();
  const bool idle = queue_.in_flight() == 0 && !queue_.has_waiting();
  const Instant due = recorded_at_ + (idle ? kIdleRecordInterval : kRecordInterval);
  if (queue_.unrecorded().empty() || now < std::max(due, record_at_)) return;
  if (const auto done = store_->record(queue_.unrecorded()); !done) {
    record_at_ = now + kAfterTrouble;
    trouble(done.error().context);
    return;
  }
  FAIL_POINT("webhook-recorded");
  queue_.recorded();
  recorded_at_ = now;
  read_at_ = std::min(read_at_, now);  // what followed in the same orders may go now
}

void WebhookSender::measure() {
  const Instant now = clock_.now();
  if (now < measure_at_) return;
  const auto counts = store_->counts(topic_, partitions_);
  const Instant counted = clock_.now();
  measure_at_ = counted + std::max<std::chrono::nanoseconds>(kMeasureInterval,
                                                             (counted - now) * kMeasureShare);
  if (!counts) return trouble(counts.error().context);
  const std::int64_t age =
      counts->oldest_pending == 0
          ? 0
          : std::max<std::int64_t>(0, (clock_.wall().unix_millis - counts->oldest_pending) / 1000);
  metrics_.pending.set(counts->pending);
  metrics_.parked.set(counts->parked);
  metrics_.oldest_pending_seconds.set(age);
  const std::lock_guard lock(mutex_);
  status_.pending = counts->pending;
  status_.parked = counts->parked;
  status_.oldest_pending_seconds = age;
}

void WebhookSender::trouble(std::string what) {
  log::warning("the webhook waits for the database why={}", log::quoted(what));
  const std::lock_guard lock(mutex_);
  status_.last_error = std::move(what);
}

}  // namespace sluice::worker
