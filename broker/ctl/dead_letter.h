#pragma once
// DeadLetter: a record that could not be processed, as a topic dlq.<topic> holds it; and the mark
// that says that it was sent back (redriven). Pure.
//
// A letter that was sent back stays where it is, because a log has no holes. What tells it from an
// open one is a mark, a record behind it in the same partition. So the topic alone says what is
// open: no commit that expires, no state of the tool, on any server that speaks Kafka's protocol;
// and since a mark is behind its letter, neither retention nor a discard takes the mark first.

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/result.h"
#include "shared/client/consumer.h"
#include "shared/client/producer.h"
#include "shared/client/settings.h"

namespace sluice::ctl {

// A letter within its topic: partition and offset, written "0:17".
using LetterId = std::pair<std::int32_t, std::int64_t>;

// A place on the log; -1: not known.
struct Place {
  std::string topic;
  std::int32_t partition = -1;
  std::int64_t offset = -1;

  friend bool operator==(const Place&, const Place&) = default;
};

struct DeadLetter {
  std::string topic;  // that it lies in
  LetterId id;
  std::int64_t timestamp_ms = -1;  // -1: none
  std::optional<Buffer> key;
  std::optional<Buffer> value;
  std::vector<client::Header> headers;  // all of them

  Place origin;  // where the record was read that could not be processed
  std::string code;
  std::string message;
  std::int64_t redrives = 0;  // how many times the record had been sent back before

  // Else the letter only says where the record is.
  bool holds_copy() const { return key || value; }
};

// That a letter was sent back.
struct RedriveMark {
  LetterId letter;
  std::int64_t timestamp_ms = -1;
  Place to;
};

// What a record of a dead letter topic is: a mark, or (nothing) a letter.
std::optional<RedriveMark> mark_of(const client::Record& record);

// Without headers of an origin: the topic that dlq.<topic> names, any partition.
// REQUIRES: the record is no mark.
DeadLetter dead_letter_of(const client::Record& record);

// Gives a letter without a copy its record, as its origin has it.
void add_copy(DeadLetter& letter, const client::Record& record);

// The record for the letter's origin, with what it needs to be known again.
client::ProduceRecord redriven_record(const DeadLetter& letter);
// The mark of a letter that is at `to` now.
client::ProduceRecord mark_record(const DeadLetter& letter, const Place& to);

struct LetterFilter {
  std::set<LetterId> ids;  // empty: all
  std::optional<std::string> code;
  std::optional<Buffer> key;
  std::optional<std::int64_t> from_ms;
  std::optional<std::int64_t> to_ms;  // exclusive

  bool takes_all() const { return ids.empty() && !code && !key && !from_ms && !to_ms; }
  bool matches(const DeadLetter& letter) const;
};

std::string id_text(const LetterId& id);
// "orders:2:17", with - for what is not known.
std::string place_text(const Place& place);
// Code::invalid: the text is not PARTITION:OFFSET.
Result<LetterId> parse_letter_id(std::string_view text);

// The dead letter topic that is meant by it or by the topic whose letters it holds.
std::string dead_letter_topic_of(std::string_view name);

}  // namespace sluice::ctl
