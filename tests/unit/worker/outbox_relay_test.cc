#include "worker/outbox_relay.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>

using namespace sluice;
using namespace sluice::worker;
using client::Outcome;

namespace {

// What went out, and the answers that are still owed.
struct Log {
  bool accepts = true;
  std::pair<std::string, Code> refuses;  // the row of this key
  std::vector<std::string> sent;
  std::vector<client::Producer::Done> owed;

  OutboxRelay::Send send() {
    return [this](client::ProduceRecord record, client::Producer::Done done) -> Result<void> {
      if (!accepts) return fail(Code::overloaded, "full");
      if (record.key == refuses.first) return fail(refuses.second, "not this one");
      sent.push_back(*record.key);
      owed.push_back(std::move(done));
      return {};
    };
  }
  void answer(std::size_t index, Outcome outcome) { owed[index]({.outcome = outcome}); }
};

OutboxRow row(std::int64_t offset, std::int32_t partition = 0) {
  return {.id = {partition, offset, 0},
          .topic = "t",
          .partition = partition,
          .key = std::to_string(offset)};
}

using Keys = std::vector<OutboxKey>;
using Names = std::vector<std::string>;

constexpr Instant kStart{};

}  // namespace

TEST_CASE("rows go out once, in order, and are done when they are persisted") {
  Log log;
  OutboxRelay relay(log.send());
  relay.add({row(1), row(2)});
  relay.add({row(2), row(3)});
  relay.pump(kStart);
  relay.pump(kStart);
  CHECK(log.sent == Names{"1", "2", "3"});
  CHECK(relay.waiting() == 3);
  CHECK(relay.take_sent().empty());

  log.answer(1, Outcome::persisted);
  log.answer(0, Outcome::persisted);
  relay.wait_for_answer(Millis(1000));
  relay.pump(kStart);
  CHECK(relay.take_sent() == Keys{{0, 2, 0}, {0, 1, 0}});
  CHECK(relay.take_sent().empty());
  CHECK(relay.waiting() == 1);
}

TEST_CASE("what is not surely persisted goes out again, later") {
  for (const Outcome outcome : {Outcome::not_persisted, Outcome::possibly_persisted}) {
    Log log;
    OutboxRelay relay(log.send());
    relay.add({row(1)});
    relay.pump(kStart);
    log.answer(0, outcome);
    relay.pump(kStart);
    relay.pump(kStart + (OutboxRelay::kRetryAfter - Millis(1)));
    CHECK(log.sent == Names{"1"});
    relay.add({row(2)});
    relay.pump(kStart + OutboxRelay::kRetryAfter);
    CHECK(log.sent == Names{"1", "1", "2"});
    CHECK(relay.failed_sends() == 1);
    log.answer(1, Outcome::persisted);
    relay.pump(kStart + OutboxRelay::kRetryAfter);
    CHECK(relay.take_sent() == Keys{{0, 1, 0}});
  }
}

TEST_CASE("a row that is refused for itself keeps no other one waiting") {
  for (const Code code : {Code::too_large, Code::not_found}) {
    Log log;
    log.refuses = {"1", code};
    OutboxRelay relay(log.send());
    relay.add({row(1), row(2)});
    relay.pump(kStart);
    CHECK(log.sent == Names{"2"});
    CHECK(relay.failed_sends() == 1);
    relay.pump(kStart + (OutboxRelay::kRetryAfter - Millis(1)));
    CHECK(relay.failed_sends() == 1);
    relay.pump(kStart + OutboxRelay::kRetryAfter);
    CHECK(relay.failed_sends() == 2);
    log.refuses = {};
    relay.pump(kStart + 2 * OutboxRelay::kRetryAfter);
    CHECK(log.sent == Names{"2", "1"});
    CHECK(relay.waiting() == 2);
  }
}

TEST_CASE("a sender that takes nothing is asked again after a while, in the same order") {
  Log log;
  log.accepts = false;
  OutboxRelay relay(log.send());
  relay.add({row(1), row(2)});
  relay.pump(kStart);
  log.accepts = true;
  relay.pump(kStart + Millis(1));
  CHECK(log.sent.empty());
  relay.pump(kStart + OutboxRelay::kRetryAfter);
  CHECK(log.sent == Names{"1", "2"});
}

TEST_CASE("a dropped partition's rows are forgotten, and may come back") {
  Log log;
  OutboxRelay relay(log.send());
  relay.add({row(1, 0), row(2, 1)});
  relay.pump(kStart);
  relay.drop(0);
  CHECK(relay.waiting() == 1);
  log.answer(0, Outcome::persisted);
  relay.pump(kStart);
  CHECK(relay.take_sent().empty());
  relay.add({row(1, 0)});
  relay.pump(kStart);
  CHECK(log.sent == Names{"1", "2", "1"});
}

TEST_CASE("too many rows without an answer are noticed") {
  Log log;
  OutboxRelay relay(log.send());
  std::vector<OutboxRow> rows;
  for (std::size_t i = 0; i < OutboxRelay::kWaitingMax; ++i) {
    CHECK_FALSE(relay.full());
    relay.add({row(static_cast<std::int64_t>(i))});
  }
  CHECK(relay.full());
}

TEST_CASE("an answer may come after the relay is gone") {
  Log log;
  {
    OutboxRelay relay(log.send());
    relay.add({row(1)});
    relay.pump(kStart);
  }
  log.answer(0, Outcome::persisted);
}
