#include "worker/webhook_queue.h"

#include <doctest/doctest.h>

#include <fmt/format.h>

using namespace sluice;
using namespace sluice::worker;
using orders::Delivery;
using Kind = orders::DeliveryOutcome::Kind;

namespace {

constexpr Instant kNow{std::chrono::hours(1)};
constexpr WallTime kWall{1'700'000'000'000};

Delivery delivery(const std::string& order) {
  return {.id = order + "-placed", .order_id = order};
}

std::vector<Delivery> many(int count, int first = 0) {
  std::vector<Delivery> list;
  for (int i = first; i < first + count; ++i) list.push_back(delivery(fmt::format("o{}", i)));
  return list;
}

struct Queue {
  SeededRandom random{1};
  WebhookQueue queue{
      {.concurrency = 2, .longest_delay = Millis(600'000), .retry_for = Millis(3'600'000)}, random};

  std::string take(Instant now = kNow) {
    const auto next = queue.take(now);
    return next ? next->order_id : "";
  }
  orders::DeliveryOutcome answered(const std::string& order, int status,
                                   std::optional<Millis> retry_after = std::nullopt) {
    return queue.answered({.id = order + "-placed", .status = status, .retry_after = retry_after},
                          kNow, kWall);
  }
};

}  // namespace

TEST_CASE("as many as may be are on their way, the first due first") {
  Queue q;
  CHECK(q.queue.wants_more(kNow));
  q.queue.offer(many(4));
  CHECK_FALSE(q.queue.wants_more(kNow));
  CHECK(q.take() == "o0");
  CHECK(q.take() == "o1");
  CHECK(q.take().empty());
  q.answered("o1", 200);
  CHECK(q.take() == "o2");
  CHECK(q.take().empty());
  q.queue.set_concurrency(3);
  CHECK(q.take() == "o3");
  CHECK_FALSE(q.queue.wants_more(kNow));  // nothing may be sent
  q.queue.set_concurrency(1);
  q.answered("o0", 200);
  CHECK_FALSE(q.queue.wants_more(kNow));
  q.answered("o2", 200);
  q.answered("o3", 200);
  CHECK(q.queue.wants_more(kNow));
}

TEST_CASE("what the database names again is not sent again") {
  Queue q;
  q.queue.offer(many(1));
  CHECK(q.take() == "o0");
  q.queue.offer(many(2));
  CHECK(q.take() == "o1");
  q.answered("o0", 200);
  q.queue.offer(many(3));  // the outcome is not recorded yet
  CHECK(q.take() == "o2");
  q.queue.recorded();
  q.answered("o1", 500);
  q.queue.recorded();
  q.queue.offer(many(2));
  CHECK(q.take() == "o0");  // somebody knows better
}

TEST_CASE("what waits is bounded, and goes with the partitions") {
  Queue q;
  q.queue.offer(many(2'000));
  q.queue.set_concurrency(5'000);
  std::size_t taken = 0;
  while (!q.take().empty()) ++taken;
  CHECK(taken == WebhookQueue::kWaitingMax);
  CHECK(q.queue.to_ask_for() == 2 * WebhookQueue::kWaitingMax);
  q.queue.offer(many(10, 5'000));
  q.queue.clear_waiting();
  CHECK(q.take().empty());
  CHECK(q.queue.in_flight() == taken);
}

TEST_CASE("nothing is sent while too much is not recorded") {
  Queue q;
  q.queue.set_concurrency(1);
  for (std::size_t i = 0; i < WebhookQueue::kUnrecordedMax; ++i) {
    q.queue.offer(many(1, static_cast<int>(i)));
    REQUIRE_FALSE(q.take().empty());
    q.answered(fmt::format("o{}", i), 200);
  }
  q.queue.offer(many(1, 90'000));
  CHECK(q.take().empty());
  CHECK_FALSE(q.queue.wants_more(kNow));
  CHECK(q.queue.unrecorded().size() == WebhookQueue::kUnrecordedMax);
  q.queue.recorded();
  CHECK(q.take() == "o90000");
}

TEST_CASE("what becomes of a delivery") {
  struct Row {
    const char* what;
    int status;
    std::int64_t attempts;
    std::int64_t first_attempt_ago;  // -1: none
    std::optional<Millis> retry_after;
    Kind kind;
    std::int64_t due_from;  // after now
    std::int64_t due_to;
  };
  const Row table[] = {
      {"delivered", 204, 3, 5'000, std::nullopt, Kind::delivered, 0, 0},
      {"the first failure", 500, 0, -1, std::nullopt, Kind::again, 0, 1'000},
      {"a further one", 0, 4, 3'599'999, std::nullopt, Kind::again, 0, 16'000},
      {"for too long", 500, 4, 3'600'000, std::nullopt, Kind::parked, 0, 16'000},
      {"not wanted", 410, 0, -1, std::nullopt, Kind::parked, 0, 1'000},
      {"later", 503, 0, -1, Millis(60'000), Kind::again, 60'000, 60'000},
      {"much later", 503, 0, -1, Millis(86'400'000), Kind::again, 3'600'000, 3'600'000},
  };
  for (const Row& row : table) {
    CAPTURE(row.what);
    Queue q;
    Delivery sent = delivery("o1");
    sent.attempts = row.attempts;
    const std::int64_t first = kWall.unix_millis - row.first_attempt_ago;
    if (row.first_attempt_ago >= 0) sent.first_attempt_at = first;
    q.queue.offer({sent});
    REQUIRE(q.take() == "o1");
    const auto outcome = q.answered("o1", row.status, row.retry_after);
    CHECK(q.queue.unrecorded() == std::vector{outcome});
    CHECK(outcome.kind == row.kind);
    if (row.kind == Kind::delivered) {
      CHECK(outcome == orders::DeliveryOutcome{.id = "o1-placed"});
      continue;
    }
    CHECK(outcome.attempts_before == row.attempts);
    CHECK(outcome.first_attempt_at == (row.first_attempt_ago >= 0 ? first : kWall.unix_millis));
    CHECK(outcome.due_at >= kWall.unix_millis + row.due_from);
    CHECK(outcome.due_at <= kWall.unix_millis + row.due_to);
    CHECK_FALSE(outcome.error.empty());
  }
}

TEST_CASE("a system that fails gets one at a time") {
  Queue q;
  q.queue.offer(many(20));
  for (int i = 0; i < 5; ++i) q.answered(q.take(), 500);
  CHECK(q.queue.failing());
  const Instant later = kNow + Millis(60'000);
  CHECK(q.take(later) == "o5");
  CHECK(q.take(later).empty());
  q.answered("o5", 200);
  CHECK_FALSE(q.queue.failing());
  CHECK(q.take(later) == "o6");
  CHECK(q.take(later) == "o7");
}
