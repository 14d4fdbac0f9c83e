#pragma once
// LateLogs: an environment in which a write-ahead log can always be begun. When the disk has no
// room for another file it is created by its first write, and only that fails. RocksDB 7.8 does not
// get over a log that it could not begin: the memtable that was to be closed cannot be closed a
// second time (DBImpl::SwitchMemtable).

#include <rocksdb/env.h>

namespace sluice::broker {

class LateLogs final : public rocksdb::EnvWrapper {
 public:
  // `files` outlives it.
  explicit LateLogs(rocksdb::Env* files);
};

}  // namespace sluice::broker
