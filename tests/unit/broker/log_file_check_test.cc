// The walk over RocksDB's log format, against files that an independent writer makes.

#include "broker/log/log_file_check.h"

#include <algorithm>
#include <bit>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "shared/base/random.h"
#include "shared/wire/crc32c.h"

namespace sluice::broker {
namespace {

constexpr std::size_t kBlock = LogFileCheck::kBlockBytes;

template <class T>
void append_le(Buffer& to, T value) {
  for (std::size_t i = 0; i < sizeof value; ++i) {
    to += static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
  }
}

class LogWriter {
 public:
  // A write of `count` operations and so many bytes.
  void add(std::uint32_t count, std::size_t bytes) {
    Buffer payload;
    append_le(payload, next_sequence);
    append_le(payload, count);
    payload.append(bytes, static_cast<char>('a' + next_sequence % 26));
    next_sequence += count;
    starts.push_back(file.size());
    bool first = true;
    for (ByteView rest = payload; first || !rest.empty();) {
      const std::size_t room = kBlock - file.size() % kBlock;
      if (room < 7) {
        file.append(room, '\0');
        continue;
      }
      const std::size_t take = std::min(rest.size(), room - 7);
      const bool last = take == rest.size();
      emit(rest.substr(0, take), first ? (last ? 1 : 2) : (last ? 4 : 3));
      rest.remove_prefix(take);
      first = false;
    }
  }

  Buffer file;
  std::vector<std::size_t> starts;
  std::uint64_t next_sequence = 100;

 private:
  void emit(ByteView part, unsigned char type) {
    Buffer checked(1, static_cast<char>(type));
    checked += part;
    append_le(file, static_cast<std::uint32_t>(std::rotr(wire::crc32c(checked), 15) + 0xa282ead8U));
    append_le(file, static_cast<std::uint16_t>(part.size()));
    file += checked;
  }
};

LogFileCheck check(ByteView file, LogFileCheck::Kind kind = LogFileCheck::Kind::write_ahead) {
  LogFileCheck result(kind);
  std::size_t at = 0;
  do {
    const ByteView block = file.substr(at, kBlock);
    at += block.size();
    result.add(block, at == file.size());
  } while (at < file.size());
  return result;
}

LogWriter random_log(SeededRandom& random) {
  LogWriter log;
  for (auto count = 1 + random.below(40); count > 0; --count) {
    // Small ones, ones that end at a block's end or a few bytes before, ones over several blocks.
    const std::size_t room = kBlock - log.file.size() % kBlock;
    const std::size_t sizes[] = {random.below(200), random.below(100'000),
                                 room > 40 ? room - 19 - random.below(9) : 5};
    log.add(static_cast<std::uint32_t>(random.below(5)), sizes[random.below(3)]);
  }
  return log;
}

TEST_CASE("whole logs are whole, and count their writes") {
  SeededRandom random(3);
  for (int round = 0; round < 300; ++round) {
    const LogWriter log = random_log(random);
    const LogFileCheck result = check(log.file);
    REQUIRE_FALSE(result.damage());
    CHECK_FALSE(result.torn_at());
    CHECK(result.records() == log.starts.size());
    CHECK(result.bytes() == log.file.size());
    CHECK(result.first_sequence() == 100);
    CHECK(result.next_sequence() == log.next_sequence);
  }
  CHECK_FALSE(check("").damage());
}

TEST_CASE("a log that ends anywhere is torn, not damaged") {
  SeededRandom random(4);
  for (int round = 0; round < 100; ++round) {
    const LogWriter log = random_log(random);
    const std::size_t end = random.below(log.file.size() + 1);
    const LogFileCheck result = check(ByteView(log.file).substr(0, end));
    CAPTURE(end);
    CHECK_FALSE(result.damage());
    const auto cut = std::ranges::lower_bound(log.starts, end);
    const auto begun = static_cast<std::size_t>(cut - log.starts.begin());
    CHECK(result.records() + 1 >= begun);
    CHECK(result.records() <= begun);
  }
}

TEST_CASE("zeros behind the end are no damage") {
  SeededRandom random(5);
  for (int round = 0; round < 40; ++round) {
    const LogWriter log = random_log(random);
    const LogFileCheck result = check(log.file + Buffer(random.below(3 * kBlock), '\0'));
    CHECK_FALSE(result.damage());
    CHECK(result.records() == log.starts.size());
  }
}

TEST_CASE("a flipped bit anywhere before the last write is damage at its place") {
  SeededRandom random(6);
  for (int round = 0; round < 300; ++round) {
    LogWriter log = random_log(random);
    log.add(1, 50);
    const std::size_t last = log.starts.back();
    const std::size_t at = random.below(last);
    // The padding at the end of a block is nobody's.
    const std::size_t block_end = at / kBlock * kBlock + kBlock;
    if (block_end - at < 7 && log.file[at] == 0) continue;
    log.file[at] = static_cast<char>(log.file[at] ^ (1 << random.below(8)));
    const LogFileCheck result = check(log.file);
    CAPTURE(at);
    REQUIRE(result.damage());
    CHECK(result.damage()->at <= at);
  }
}

TEST_CASE("zeroed bytes in the middle are damage, wherever they begin and end") {
  SeededRandom random(7);
  for (int round = 0; round < 100; ++round) {
    LogWriter log = random_log(random);
    log.add(1, 50);
    const std::size_t records = log.starts.size();
    // From the beginning of a write to that of another one: the place that looks most like an end.
    const std::size_t from = random.below(records - 1);
    const std::size_t to = from + 1 + random.below(records - from - 1);
    std::fill(log.file.begin() + static_cast<std::ptrdiff_t>(log.starts[from]),
              log.file.begin() + static_cast<std::ptrdiff_t>(log.starts[to]), '\0');
    REQUIRE(check(log.file).damage());
  }
}

TEST_CASE("a write that is missing between others is damage") {
  LogWriter log;
  log.add(2, 10);
  log.next_sequence += 3;
  log.add(1, 10);
  const LogFileCheck result = check(log.file);
  REQUIRE(result.damage());
  CHECK(result.damage()->what == "write 105 follows write 101: those between are missing");
  CHECK_FALSE(check(log.file, LogFileCheck::Kind::manifest).damage());
}

TEST_CASE("a torn write whose bytes look like another write is torn") {
  LogWriter inner;
  inner.next_sequence = 7;  // not one that can come next
  inner.add(1, 30);
  LogWriter log;
  log.add(1, 10);
  Buffer torn;
  append_le(torn, std::uint32_t{1});
  append_le(torn, std::uint16_t{900});
  torn += '\1';
  CHECK_FALSE(check(log.file + torn + inner.file).damage());
  inner = {};
  inner.next_sequence = 102;
  inner.add(1, 30);
  CHECK(check(log.file + torn + inner.file).damage());
}

TEST_CASE("no bytes make it read outside of them") {
  SeededRandom random(8);
  for (int round = 0; round < 300; ++round) {
    LogWriter log = random_log(random);
    for (auto i = random.below(20); i > 0; --i) {
      log.file[random.below(log.file.size())] = static_cast<char>(random.below(256));
    }
    (void)check(log.file);
  }
}

}  // namespace
}  // namespace sluice::broker
