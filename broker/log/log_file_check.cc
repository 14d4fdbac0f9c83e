#include "broker/log/log_file_check.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "shared/wire/crc32c.h"

namespace sluice::broker {
namespace {

constexpr std::size_t kHeaderBytes = 7;
constexpr std::size_t kHeadBytes = 12;  // sequence and count
// Far more than one write has.
constexpr std::uint64_t kWriteOperationsMax = 1 << 24;
// Fragment types: a whole record, or the parts of one (3: neither first nor last). Recycled logs
// have others; we write none.
constexpr unsigned kFull = 1;
constexpr unsigned kFirst = 2;
constexpr unsigned kLast = 4;

template <class T>
T load_le(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  if constexpr (std::endian::native == std::endian::big) value = std::byteswap(value);
  return value;
}

// RocksDB stores CRCs rotated and shifted (util/crc32c.h), because files hold CRCs themselves.
std::uint32_t masked(std::uint32_t crc) {
  return std::rotr(crc, 15) + 0xa282ead8U;
}

bool all_zero(ByteView bytes) {
  return std::ranges::all_of(bytes, [](char c) { return c == 0; });
}

}  // namespace

LogFileCheck::Fragment LogFileCheck::fragment_at(ByteView rest) {
  using State = Fragment::State;
  if (rest.size() < kHeaderBytes) return {all_zero(rest) ? State::zeros : State::cut};
  const std::size_t length = load_le<std::uint16_t>(rest.data() + 4);
  const auto type = static_cast<unsigned char>(rest[6]);
  if (type == 0 && length == 0) return {State::zeros};
  if (kHeaderBytes + length > rest.size()) return {State::cut};
  const ByteView checked = rest.substr(6, 1 + length);
  if (masked(wire::crc32c(checked)) != load_le<std::uint32_t>(rest.data())) {
    return {.state = State::damaged, .what = "a record's checksum does not match"};
  }
  if (type < kFull || type > kLast) {
    return {.state = State::damaged, .what = fmt::format("a record has the unknown type {}", type)};
  }
  return {State::whole, type, rest.substr(kHeaderBytes, length)};
}

// Whether some later record begins in `rest`: then what stands before it is no torn tail. Payload
// is anybody's to choose, so a likeness in it must also have a number that can come next.
bool LogFileCheck::record_follows(ByteView rest) const {
  for (; rest.size() > kHeaderBytes; rest.remove_prefix(1)) {
    const Fragment fragment = fragment_at(rest);
    if (fragment.state != Fragment::State::whole || fragment.type > kFirst) continue;
    if (kind_ == Kind::manifest) return true;
    if (fragment.payload.size() < kHeadBytes) continue;
    const auto sequence = load_le<std::uint64_t>(fragment.payload.data());
    if (sequence >= next_sequence_ && sequence - next_sequence_ < kWriteOperationsMax) return true;
  }
  return false;
}

void LogFileCheck::stop_at(std::size_t position, std::string what) {
  if (!damage_) damage_ = {bytes_ + position, std::move(what)};
}

void LogFileCheck::add(ByteView block, bool last) {
  using State = Fragment::State;
  std::size_t position = 0;
  while (!damage_ && position < block.size()) {
    const ByteView rest = block.substr(position);
    const Fragment fragment = fragment_at(rest);
    if (fragment.state == State::damaged) {
      stop_at(position, fragment.what);
    } else if (fragment.state == State::whole) {
      take(position, fragment);
      position += kHeaderBytes + fragment.payload.size();
    } else if (rest.size() < kHeaderBytes && block.size() == kBlockBytes) {
      break;  // too short for a header: the writer went on in the next block
    } else {
      // The end, unless something whole comes behind it.
      if (!torn_at_) torn_at_ = in_record_ ? record_at_ : bytes_ + position;
      const bool cut = fragment.state == State::cut;
      if (cut && !last) stop_at(position, "a record's length reaches behind its block");
      if (record_follows(rest.substr(1))) {
        stop_at(position, cut ? "a record's length is damaged: whole records follow it"
                              : "zeros stand where a record was: whole records follow them");
      }
      break;
    }
  }
  bytes_ += block.size();
  if (last && in_record_ && !torn_at_) torn_at_ = record_at_;
}

void LogFileCheck::take(std::size_t position, const Fragment& fragment) {
  if (torn_at_) return stop_at(position, "whole records follow a place that holds none");
  const bool begins = fragment.type == kFull || fragment.type == kFirst;
  if (begins == in_record_) {
    return stop_at(position, begins ? "a record begins inside of another one"
                                    : "a record lacks its beginning");
  }
  if (begins) {
    in_record_ = true;
    record_at_ = bytes_ + position;
    head_.clear();
  }
  if (head_.size() < kHeadBytes) head_ += fragment.payload.substr(0, kHeadBytes - head_.size());
  if (fragment.type == kFull || fragment.type == kLast) end_record(position);
}

void LogFileCheck::end_record(std::size_t position) {
  in_record_ = false;
  ++records_;
  if (kind_ != Kind::write_ahead) return;
  if (head_.size() < kHeadBytes) return stop_at(position, "a record is too short");
  const auto sequence = load_le<std::uint64_t>(head_.data());
  if (first_sequence_ && sequence > next_sequence_) {
    return stop_at(position, fmt::format("write {} follows write {}: those between are missing",
                                         sequence, next_sequence_ - 1));
  }
  if (!first_sequence_) first_sequence_ = sequence;
  next_sequence_ = sequence + load_le<std::uint32_t>(head_.data() + 8);
}

}  // namespace sluice::broker
