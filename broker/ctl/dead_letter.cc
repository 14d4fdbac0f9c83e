#include "broker/ctl/dead_letter.h"

#include <fmt/format.h>

#include <limits>

#include "broker/ctl/print.h"
#include "shared/config/text.h"
#include "shared/ledger/dead_letter.h"
#include "shared/ledger/topic.h"

namespace sluice::ctl {

namespace {

// The first one counts: what writes letters puts its own before those of the record.
std::optional<ByteView> header(const client::Record& record, std::string_view name) {
  for (const client::HeaderView& entry : record.headers) {
    if (entry.name == name) return entry.value;
  }
  return std::nullopt;
}

std::string text_in(const client::Record& record, std::string_view name) {
  return std::string(header(record, name).value_or(""));
}

std::int64_t number_in(const client::Record& record, std::string_view name, std::int64_t otherwise,
                       std::int64_t most = std::numeric_limits<std::int64_t>::max()) {
  const auto number = config::parse_integer(header(record, name).value_or(""));
  return number && *number >= 0 && *number <= most ? *number : otherwise;
}

std::int32_t partition_in(const client::Record& record, std::string_view name) {
  return static_cast<std::int32_t>(
      number_in(record, name, -1, std::numeric_limits<std::int32_t>::max()));
}

std::optional<Buffer> owned(const std::optional<ByteView>& bytes) {
  return bytes ? std::optional<Buffer>(*bytes) : std::nullopt;
}

client::Header entry(std::string_view name, std::string value) {
  return {std::string(name), std::move(value)};
}

std::string number_text(std::int64_t number) {
  return number < 0 ? "-" : fmt::to_string(number);
}

}  // namespace

std::optional<RedriveMark> mark_of(const client::Record& record) {
  // A letter has headers of its origin, whatever else its record brought along.
  if (record.key || record.value || header(record, ledger::kDlqErrorsTopic)) return std::nullopt;
  const std::int64_t letter = number_in(record, ledger::kDlqMarkLetter, -1);
  if (letter < 0 || letter >= record.offset) return std::nullopt;
  return RedriveMark{.letter = {record.partition, letter},
                     .timestamp_ms = record.timestamp_ms,
                     .to = {.topic = text_in(record, ledger::kDlqMarkTopic),
                            .partition = partition_in(record, ledger::kDlqMarkPartition),
                            .offset = number_in(record, ledger::kDlqMarkOffset, -1)}};
}

DeadLetter dead_letter_of(const client::Record& record) {
  DeadLetter letter{.topic = std::string(record.topic),
                    .id = {record.partition, record.offset},
                    .timestamp_ms = record.timestamp_ms,
                    .key = owned(record.key),
                    .value = owned(record.value),
                    .origin = {.topic = text_in(record, ledger::kDlqErrorsTopic),
                               .partition = partition_in(record, ledger::kDlqErrorsPartition),
                               .offset = number_in(record, ledger::kDlqErrorsOffset, -1)},
                    .code = text_in(record, ledger::kDlqErrorsCode),
                    .message = text_in(record, ledger::kDlqErrorsMessage),
                    .redrives = number_in(record, ledger::kDlqRedriveAttempts, 0)};
  for (const client::HeaderView& header : record.headers) {
    letter.headers.push_back({std::string(header.name), owned(header.value)});
  }
  if (letter.origin.topic.empty() && letter.topic.starts_with(ledger::kDeadLetterPrefix)) {
    letter.origin.topic = letter.topic.substr(ledger::kDeadLetterPrefix.size());
  }
  return letter;
}

void add_copy(DeadLetter& letter, const client::Record& record) {
  letter.key = owned(record.key);
  letter.value = owned(record.value);
  letter.redrives = number_in(record, ledger::kDlqRedriveAttempts, 0);
  for (const client::HeaderView& header : record.headers) {
    letter.headers.push_back({std::string(header.name), owned(header.value)});
  }
}

client::ProduceRecord redriven_record(const DeadLetter& letter) {
  client::ProduceRecord record{.topic = letter.origin.topic,
                               .partition = letter.origin.partition,
                               .key = letter.key,
                               .value = letter.value};
  for (const client::Header& header : letter.headers) {
    if (!header.name.starts_with(ledger::kDlqHeaders)) record.headers.push_back(header);
  }
  record.headers.push_back(entry(ledger::kDlqRedriveTopic, letter.topic));
  record.headers.push_back(entry(ledger::kDlqRedrivePartition, fmt::to_string(letter.id.first)));
  record.headers.push_back(entry(ledger::kDlqRedriveOffset, fmt::to_string(letter.id.second)));
  record.headers.push_back(entry(ledger::kDlqRedriveAttempts, fmt::to_string(letter.redrives + 1)));
  return record;
}

client::ProduceRecord mark_record(const DeadLetter& letter, const Place& to) {
  return {.topic = letter.topic,
          .partition = letter.id.first,
          .headers = {entry(ledger::kDlqMarkLetter, fmt::to_string(letter.id.second)),
                      entry(ledger::kDlqMarkTopic, to.topic),
                      entry(ledger::kDlqMarkPartition, fmt::to_string(to.partition)),
                      entry(ledger::kDlqMarkOffset, fmt::to_string(to.offset))}};
}

bool LetterFilter::matches(const DeadLetter& letter) const {
  if (!ids.empty() && !ids.contains(letter.id)) return false;
  if (code && letter.code != *code) return false;
  if (key && letter.key != *key) return false;
  if (from_ms && letter.timestamp_ms < *from_ms) return false;
  return !to_ms || letter.timestamp_ms < *to_ms;
}

std::string id_text(const LetterId& id) {
  return fmt::format("{}:{}", id.first, id.second);
}

std::string place_text(const Place& place) {
  return fmt::format("{}:{}:{}", printable(place.topic), number_text(place.partition),
                     number_text(place.offset));
}

Result<LetterId> parse_letter_id(std::string_view text) {
  const auto colon = text.find(':');
  if (colon != std::string_view::npos) {
    const auto partition = config::parse_integer(text.substr(0, colon));
    const auto offset = config::parse_integer(text.substr(colon + 1));
    if (partition && offset && *partition >= 0 && *offset >= 0 &&
        *partition <= std::numeric_limits<std::int32_t>::max()) {
      return LetterId(static_cast<std::int32_t>(*partition), *offset);
    }
  }
  return fail(
      Code::invalid,
      fmt::format("\"{}\" is no dead letter: expected PARTITION:OFFSET, such as 0:17", text));
}

std::string dead_letter_topic_of(std::string_view name) {
  if (name.starts_with(ledger::kDeadLetterPrefix)) return std::string(name);
  return ledger::dead_letter_topic(name);
}

}  // namespace sluice::ctl
