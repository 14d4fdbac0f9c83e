#pragma once
// UnwantedKeys: lets RocksDB's compactions that reclaim() starts leave out what nobody wants.
// RocksDB's own compactions keep everything: what is wanted is only known while somebody asks.
//
// One for each column family. Thread-safe: compactions run on RocksDB's threads.

#include <memory>
#include <mutex>

#include <rocksdb/compaction_filter.h>

#include "broker/log/store.h"

namespace sluice::broker {

class UnwantedKeys final : public rocksdb::CompactionFilterFactory {
 public:
  // For manual compactions until the next call; null: they keep everything.
  void set(Store::KeyFilter wanted);

  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context& context) override;
  const char* Name() const override { return "sluice.unwanted"; }

 private:
  std::mutex mutex_;
  std::shared_ptr<const Store::KeyFilter> wanted_;
};

}  // namespace sluice::broker
