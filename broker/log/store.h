#pragma once
// Store: the one place on disk. Four families of ordered keys, atomic durable writes, snapshots to
// read from. An interface, because the simulation replaces RocksDB by a map that can drop what was
// not synced. broker/log/keys.h says what the keys are; docs/storage-format.md says it byte by
// byte.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/log/backup.h"
#include "shared/base/bytes.h"
#include "shared/base/result.h"

namespace sluice::broker {

enum class Family : unsigned char {
  log,    // record batches: large, appended in order, read in order
  state,  // topics, offsets, producers: small, overwritten
  index,  // where records with a key are: tiny, of the same segments as the log
  delay,  // delayed records, in the order of their delivery: come and go
};
inline constexpr std::size_t kFamilies = 4;

// What one commit changes, in order. Applied wholly or not at all.
class WriteBatch {
 public:
  enum class Kind : unsigned char { put, erase, erase_range };
  struct Operation {
    Kind kind;
    Family family;
    Buffer key;    // of a range: the first key
    Buffer value;  // of a range: the first key after it
    // Of a put to Family::log: how many of its records' keys have yet to be put to Family::index,
    // see broker/log/key_index.h. The store does not look at it.
    std::uint64_t keys = 0;
  };

  void put(Family family, Buffer key, Buffer value, std::uint64_t keys = 0) {
    keys_ += keys;
    add({Kind::put, family, std::move(key), std::move(value), keys});
  }
  void erase(Family family, Buffer key) { add({Kind::erase, family, std::move(key), {}}); }
  void erase_range(Family family, Buffer from, Buffer to) {
    add({Kind::erase_range, family, std::move(from), std::move(to)});
  }

  void add(Operation operation) {
    bytes_ += operation.key.size() + operation.value.size();
    operations_.push_back(std::move(operation));
  }

  const std::vector<Operation>& operations() const { return operations_; }
  std::vector<Operation> take_operations() && { return std::move(operations_); }
  std::size_t bytes() const { return bytes_; }
  // See Operation.
  std::uint64_t keys() const { return keys_; }

 private:
  std::vector<Operation> operations_;
  std::size_t bytes_ = 0;
  std::uint64_t keys_ = 0;
};

// Walks one family in key order over the state at its creation. Views stay valid until the next
// move. Used by one thread at a time.
class Cursor {
 public:
  virtual ~Cursor() = default;
  virtual void seek(ByteView key) = 0;           // to the first key >= `key`
  virtual void seek_for_prev(ByteView key) = 0;  // to the last key <= `key`
  virtual void next() = 0;
  virtual bool valid() const = 0;
  virtual ByteView key() const = 0;
  virtual ByteView value() const = 0;
  // Why the walk ended early: Code::corrupt or Code::storage. Ok at the end of the keys.
  virtual Result<void> status() const = 0;
};

// Thread-safe: reads run beside the one writer.
class Store {
 public:
  virtual ~Store() = default;

  // Returns once the batch is on the disk (fsynced). Code::overloaded: the disk is full, and the
  // same batch may be written again once refuses_writes() is empty; a crash before that may leave
  // all of it or nothing. Code::storage: nothing later is certain, the store refuses every further
  // write.
  virtual Result<void> write(const WriteBatch& batch) = 0;

  // The same in two steps: written, what a kill leaves but a power cut may take, and what sync()
  // makes durable. One batch at a time, so that a power cut tears one at most. A failed sync() is
  // for good.
  virtual Result<void> write_unsynced(const WriteBatch& batch) = 0;
  virtual Result<void> sync() = 0;

  // What was written to Family::log and Family::index so far goes to table files of its own, so
  // that later keys never share a file with it. Cheap: the writing of the files happens in the
  // background; but when that is segments behind, this waits for it as a write would.
  virtual Result<void> roll_log() = 0;

  // Gives the space of what is erased or not wanted back to the disk: of [from, to) of Family::log
  // or Family::index. `wanted` says of a key whether it stays; it is asked of keys outside of the
  // range too, which share a file with some inside, on any thread. Null: nothing in the range is
  // wanted, so the files in it just go. Code::overloaded: there is no space to rewrite it, or no
  // write is taken at all. Blocking; one at a time.
  using KeyFilter = std::function<bool(ByteView key)>;
  virtual Result<void> reclaim(Family family, ByteView from, ByteView to, KeyFilter wanted) = 0;
  // Before the store is closed: a reclaim() under way or begun later ends soon, with Code::closed.
  // Any thread, cheap.
  virtual void stop_reclaiming() = 0;

  // To be called about once a second, on any one thread: notes elsewhere on the disk how far the
  // acknowledged writes reach, so that a log cut at a record boundary is noticed at the next start,
  // and looks at the free space. Goes on after a full disk. Blocking.
  virtual Result<void> housekeep() = 0;

  // Copies everything that was acknowledged before the call, beside what goes on: neither reads nor
  // writes wait for it. Blocking, for as long as the copying takes; one at a time.
  virtual Result<NewBackup> backup(const BackupOptions& options, BackupWatch& watch) = 0;

  // Why no write would be taken now; empty when one would. A full disk passes, by housekeep(); a
  // failed write or fsync does not, the background's neither. Any thread, cheap.
  virtual std::string refuses_writes() const = 0;

  virtual Result<std::optional<Buffer>> get(Family family, ByteView key) const = 0;

  // `readahead_bytes` > 0 for long scans of cold data.
  virtual std::unique_ptr<Cursor> cursor(Family family, std::size_t readahead_bytes) const = 0;
};

}  // namespace sluice::broker
