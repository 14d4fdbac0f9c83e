#include "worker/outbox_relay.h"

#include <algorithm>

#include "shared/base/fail_point.h"

namespace sluice::worker {
namespace {

client::ProduceRecord record_of(const OutboxRow& row) {
  return {.topic = row.topic,
          .partition = row.partition,
          .key = row.key,
          .value = row.value,
          .headers = row.headers};
}

}  // namespace

OutboxRelay::OutboxRelay(Send send)
    : send_(std::move(send)), answers_(std::make_shared<Answers>()) {}

void OutboxRelay::add(std::vector<OutboxRow> rows) {
  for (OutboxRow& row : rows) {
    const OutboxKey key = row.id;
    if (rows_.try_emplace(key, std::move(row)).second) fresh_.push_back(key);
  }
}

void OutboxRelay::pump(Instant now) {
  take_answers(now);
  if (now < resume_at_) return;
  while (!repeats_.empty() && repeats_.front().at <= now) {
    if (!send(repeats_.front().key, now)) {
      resume_at_ = now + kRetryAfter;
      return;
    }
    repeats_.pop_front();
  }
  while (!fresh_.empty()) {
    if (!send(fresh_.front(), now)) {
      resume_at_ = now + kRetryAfter;
      return;
    }
    fresh_.pop_front();
  }
}

bool OutboxRelay::send(const OutboxKey& key, Instant now) {
  const auto row = rows_.find(key);
  if (row == rows_.end()) return true;  // dropped, or acknowledged meanwhile
  auto answered = [answers = answers_, key](const client::Delivery& delivery) {
    const std::lock_guard lock(answers->mutex);
    answers->list.emplace_back(key, delivery.outcome == client::Outcome::persisted);
    answers->came.notify_one();
  };
  const auto taken = send_(record_of(row->second), std::move(answered));
  if (taken) {
    FAIL_POINT("relay-sent");
    return true;
  }
  ++failed_sends_;
  const Code code = taken.error().code;
  if (code != Code::too_large && code != Code::not_found) return false;
  repeats_.push_back({key, now + kRetryAfter});
  return true;
}

void OutboxRelay::take_answers(Instant now) {
  std::vector<std::pair<OutboxKey, bool>> answers;
  {
    const std::lock_guard lock(answers_->mutex);
    answers.swap(answers_->list);
  }
  for (const auto& [key, persisted] : answers) {
    if (!rows_.contains(key)) continue;
    if (persisted) {
      FAIL_POINT("relay-acknowledged");
      rows_.erase(key);
      sent_.push_back(key);
      ++sent_total_;
    } else {
      ++failed_sends_;
      repeats_.push_back({key, now + kRetryAfter});
    }
  }
}

std::vector<OutboxKey> OutboxRelay::take_sent() {
  return std::exchange(sent_, {});
}

void OutboxRelay::drop(std::int32_t partition) {
  std::erase_if(rows_,
                [partition](const auto& entry) { return entry.first.partition == partition; });
}

void OutboxRelay::wait_for_answer(Millis timeout) {
  std::unique_lock lock(answers_->mutex);
  answers_->came.wait_for(lock, timeout, [this] { return !answers_->list.empty(); });
}

}  // namespace sluice::worker
