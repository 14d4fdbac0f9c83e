#pragma once
// LogFileCheck: walks a file in RocksDB's log format (write-ahead logs and MANIFESTs), block by
// block, and says where it is damaged. RocksDB's own reading cannot tell a damaged length from a
// torn tail, and takes a zeroed page between two records for the end of a block; both lose what
// comes behind. Pure: the bytes come from the caller, so memory is one block.
//
// The format (RocksDB's db/log_format.h): blocks of 32 KiB; in them fragments <masked CRC-32C
// u32><length u16><type u8><payload>, little-endian. The payload of a write-ahead log's record
// begins <sequence u64><count u32>.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "shared/base/bytes.h"

namespace sluice::broker {

class LogFileCheck {
 public:
  static constexpr std::size_t kBlockBytes = 32 << 10;

  enum class Kind : unsigned char { write_ahead, manifest };
  // A place in the file.
  struct Damage {
    std::uint64_t at = 0;
    std::string what;
  };

  explicit LogFileCheck(Kind kind) : kind_(kind) {}

  // The next block; all but the last are kBlockBytes long. An empty last one is fine.
  void add(ByteView block, bool last);

  // The first damage; what lies behind it is not looked at.
  const std::optional<Damage>& damage() const { return damage_; }
  // Where a write ended early: never acknowledged, and dropped by a start.
  const std::optional<std::uint64_t>& torn_at() const { return torn_at_; }
  std::uint64_t records() const { return records_; }
  std::uint64_t bytes() const { return bytes_; }
  // Of a write-ahead log: the first number in it, and the one that follows its last write.
  const std::optional<std::uint64_t>& first_sequence() const { return first_sequence_; }
  std::uint64_t next_sequence() const { return next_sequence_; }

 private:
  struct Fragment {
    enum class State : unsigned char { whole, zeros, cut, damaged } state;
    unsigned type = 0;
    ByteView payload;
    std::string what;  // of damage
  };
  static Fragment fragment_at(ByteView rest);
  bool record_follows(ByteView rest) const;

  void stop_at(std::size_t position, std::string what);
  void take(std::size_t position, const Fragment& fragment);
  void end_record(std::size_t position);

  const Kind kind_;
  std::uint64_t bytes_ = 0;  // of the blocks before
  std::uint64_t records_ = 0;
  std::optional<Damage> damage_;
  std::optional<std::uint64_t> torn_at_;
  std::optional<std::uint64_t> first_sequence_;
  std::uint64_t next_sequence_ = 0;
  bool in_record_ = false;
  std::uint64_t record_at_ = 0;
  Buffer head_;  // the first bytes of the record that is being read
};

}  // namespace sluice::broker
