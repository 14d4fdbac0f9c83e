#pragma once
// FoldSnapshots: the folder in which a process keeps snapshots of its partitions, one file each. It
// encodes when it is asked, on the thread that owns the fold, and writes on a thread of its own. A
// process that dies at any line leaves the snapshot of before or the new one; what a power cut
// leaves the checksum judges.
//
// Several processes may share a folder: what they write of a partition is equally right.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "shared/base/bytes.h"
#include "shared/base/result.h"
#include "shared/config/schema.h"
#include "shared/ledger/fold_snapshot.h"

namespace sluice::snapshots {

struct Options {
  std::string folder;                    // empty: nothing is kept
  std::int64_t every_records = 100'000;  // see FoldSnapshots::keep
};

// Declares data_dir and snapshot_records.
void describe(config::Schema& schema, Options& options);

class FoldSnapshots {
 public:
  // Makes the folder. Errors: it cannot be made or written to, with its name.
  static Result<std::unique_ptr<FoldSnapshots>> open(Options options);
  // Finishes the file that is being written.
  ~FoldSnapshots();
  FoldSnapshots(const FoldSnapshots&) = delete;
  FoldSnapshots& operator=(const FoldSnapshots&) = delete;

  // What was kept under the name; nothing read when there is none, or none that can be used, which
  // the log tells. Blocks for the reading: some 0.2 µs an order.
  ledger::FoldedLog load(const std::string& name);

  // Says that what load() gave does not belong to the log, and why.
  void drop(const std::string& name, std::string_view why);

  // Takes a snapshot when enough was read since the last one: `every_records`, or a quarter as many
  // as there are orders when that is more, so that all snapshots together cost a constant time a
  // record. Not before the seam was seen, nor while another one is being written, so that one
  // buffer bounds their memory. Called often, by the fold's owner; blocks for the encoding.
  void keep(const std::string& name, const ledger::FoldedLog& log);

  std::uint64_t written() const { return written_.load(std::memory_order_relaxed); }
  std::uint64_t failed() const { return failed_.load(std::memory_order_relaxed); }

 private:
  struct Pending {
    std::string name;
    Buffer bytes;
  };

  explicit FoldSnapshots(Options options);
  std::string path_of(const std::string& name) const;
  void run(const std::stop_token& stop);
  Result<void> write(const Pending& snapshot) const;

  const Options options_;
  std::map<std::string, std::int64_t> kept_at_;  // next offset of the last one, by name
  std::atomic<std::uint64_t> written_ = 0;
  std::atomic<std::uint64_t> failed_ = 0;
  std::mutex mutex_;
  std::condition_variable_any pended_;
  std::optional<Pending> pending_;  // guarded by mutex_; set until it is written
  std::jthread thread_;
};

}  // namespace sluice::snapshots
