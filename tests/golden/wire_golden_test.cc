// Bytes that franz-go made (tests/golden/generate), for every API and version in both directions:
// decoded, printed, encoded again.

#include <doctest/doctest.h>

#include <cctype>
#include <vector>

#include "shared/wire/codec.h"
#include "shared/wire/frame.h"
#include "shared/wire/messages/all.h"
#include "shared/wire/record.h"
#include "shared/wire/record_batch.h"
#include "tests/golden/golden_file.h"

namespace sluice::wire {

namespace {

// ListOffsetsRequest v3 → wire/list-offsets-v3-request
template <class M>
std::string golden_name(std::int16_t version) {
  std::string name = "wire/";
  for (const char c : name_of(M::key)) {
    if (std::isupper(static_cast<unsigned char>(c)) != 0 && name.back() != '/') name += '-';
    name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  name += "-v" + std::to_string(version);
  return name + (M::name.ends_with("Request") ? "-request" : "-response");
}

void check_text(const std::string& name, const std::string& printed) {
  if (accepting_golden()) {
    write_golden(name + ".txt", printed + "\n");
    return;
  }
  CHECK_EQ(printed + "\n", read_golden(name + ".txt"));
}

template <class M>
void check_message(std::int16_t version) {
  const std::string name = golden_name<M>(version);
  CAPTURE(name);
  const Buffer golden = read_golden(name + ".bin");
  REQUIRE_FALSE(golden.empty());
  ByteView body = golden;
  RequestHeader header;
  if (M::name.ends_with("Request")) {
    const auto frame = decode_request_frame(body.substr(kSizePrefixBytes));
    REQUIRE(frame);
    CHECK_EQ(load_be<std::int32_t>(golden.data()) + 4, static_cast<std::int64_t>(golden.size()));
    header = frame->header;
    CHECK_EQ(name_of(header.api_key), name_of(M::key));
    CHECK_EQ(header.api_version, version);
    CHECK_EQ(header.correlation_id, 1000 + version);
    CHECK_EQ(header.client_id, "golden-client");
    body = frame->body;
  }
  const auto message = decode<M>(body, version);
  if (!message) FAIL(message.error().context);
  check_text(name, print(*message, version));
  CHECK(encode(*message, version) == body);
  CHECK_EQ(encoded_size(*message, version), body.size());
  if (M::name.ends_with("Request")) CHECK(encode_request(header, *message) == golden);
}

struct CheckAllVersions {
  template <class M>
  void operator()() const {
    for (std::int16_t version = M::min_version; version <= M::max_version; ++version) {
      check_message<M>(version);
    }
  }
};

std::string describe(const RecordBatchView& batch) {
  std::string text = "base_offset " + std::to_string(batch.base_offset());
  text += " size " + std::to_string(batch.size());
  text += " leader_epoch " + std::to_string(batch.partition_leader_epoch());
  text += " compression " + std::to_string(static_cast<int>(batch.compression()));
  text += " times " + std::to_string(batch.base_timestamp_ms()) + ".." +
          std::to_string(batch.max_timestamp_ms());
  text += " producer " + std::to_string(batch.producer_id()) + "/" +
          std::to_string(batch.producer_epoch());
  text += " sequences " + std::to_string(batch.base_sequence()) + ".." +
          std::to_string(batch.last_sequence());
  return text + " offsets " + std::to_string(batch.base_offset()) + ".." +
         std::to_string(batch.last_offset());
}

}  // namespace

TEST_CASE("every message of every version is read and written as franz-go writes it") {
  AllMessages::for_each(CheckAllVersions());
}

TEST_CASE("a plain batch of franz-go is valid, and building its records gives its bytes") {
  const Buffer golden = read_golden("wire/record-batch-plain.bin");
  const auto batch = RecordBatchView::at_front(golden);
  REQUIRE(batch);
  CHECK(batch->validate_deep());
  const auto records = read_records(*batch);
  REQUIRE(records);
  RecordBatchBuilder builder({.base_offset = 41,
                              .partition_leader_epoch = 7,
                              .producer_id = 9001,
                              .producer_epoch = 4,
                              .base_sequence = 2147483646});
  std::string text = describe(*batch) + "\n";
  for (const Record& record : *records) {
    builder.add(record);
    text += std::to_string(record.offset) + " at " + std::to_string(record.timestamp_ms) + " key " +
            std::string(record.key.value_or("null")) + " value " +
            std::to_string(record.value->size()) + " bytes headers " +
            std::to_string(record.headers.size()) + "\n";
  }
  CHECK(std::move(builder).finish() == golden);
  check_text("wire/record-batch-plain", text);
}

TEST_CASE("a compressed batch of franz-go is valid and stays closed") {
  const Buffer golden = read_golden("wire/record-batch-gzip.bin");
  const auto batch = RecordBatchView::at_front(golden);
  REQUIRE(batch);
  CHECK(batch->validate_deep());
  CHECK_EQ(static_cast<int>(batch->compression()), static_cast<int>(Compression::gzip));
  const auto records = read_records(*batch);
  REQUIRE_FALSE(records);
  CHECK_EQ(records.error().code, Code::unsupported);
  check_text("wire/record-batch-gzip", describe(*batch));
}

}  // namespace sluice::wire
