#include "broker/log/rocks_store_filter.h"

#include <string>
#include <utility>

namespace sluice::broker {
namespace {

class KeepWanted final : public rocksdb::CompactionFilter {
 public:
  explicit KeepWanted(std::shared_ptr<const Store::KeyFilter> wanted)
      : wanted_(std::move(wanted)) {}
  bool Filter(int, const rocksdb::Slice& key, const rocksdb::Slice&, std::string*,
              bool*) const override {
    return !(*wanted_)(ByteView(key.data(), key.size()));
  }
  const char* Name() const override { return "sluice.unwanted"; }

 private:
  std::shared_ptr<const Store::KeyFilter> wanted_;
};

}  // namespace

void UnwantedKeys::set(Store::KeyFilter wanted) {
  const std::lock_guard lock(mutex_);
  wanted_ = wanted ? std::make_shared<const Store::KeyFilter>(std::move(wanted)) : nullptr;
}

std::unique_ptr<rocksdb::CompactionFilter> UnwantedKeys::CreateCompactionFilter(
    const rocksdb::CompactionFilter::Context& context) {
  if (!context.is_manual_compaction) return nullptr;
  const std::lock_guard lock(mutex_);
  return wanted_ ? std::make_unique<KeepWanted>(wanted_) : nullptr;
}

}  // namespace sluice::broker
