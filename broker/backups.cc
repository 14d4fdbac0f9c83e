#include "broker/backups.h"

#include <utility>

#include "broker/log/rocks_store_backups.h"

namespace sluice::broker {

Result<void> Backups::begin() {
  if (options_.directory.empty()) {
    return fail(Code::unsupported, "the broker's option backup_dir is not set");
  }
  if (watch_.cancel) return fail(Code::closed, "the broker is stopping");
  if (busy_) return fail(Code::overloaded, "another backup is being made or removed");
  return {};
}

Task<Result<Backups::Made>> Backups::create() {
  CO_TRY_VOID(begin());
  busy_ = true;
  const Instant began = clock_.now();
  watch_.copied_bytes = 0;
  making_since_ = began;
  auto job = [this]() -> Result<std::pair<NewBackup, std::vector<BackupInfo>>> {
    TRY(made, store_.backup(options_, watch_));
    TRY(all, list_backups(options_.directory));
    return std::pair(made, std::move(all));
  };
  auto done = co_await thread_.run(std::move(job));
  making_since_.reset();
  busy_ = false;
  if (!done) {
    stats_.failed += 1;
    co_return std::unexpected(done.error());
  }
  known_ = std::move(done->second);
  stats_.made += 1;
  stats_.newest_at = clock_.wall().unix_millis;
  const auto took = std::chrono::duration_cast<Millis>(clock_.now() - began);
  co_return Made{done->first, took};
}

Task<Result<std::vector<BackupInfo>>> Backups::list() {
  if (busy_ || options_.directory.empty()) co_return known_;
  auto job = [this] { return list_backups(options_.directory); };
  auto all = co_await thread_.run(std::move(job));
  if (all) known_ = *all;
  co_return all;
}

Task<Result<void>> Backups::remove(std::uint32_t id) {
  CO_TRY_VOID(begin());
  busy_ = true;
  auto job = [this, id] { return delete_backup(options_.directory, id); };
  auto done = co_await thread_.run(std::move(job));
  busy_ = false;
  co_return done;
}

std::optional<Backups::Running> Backups::running() const {
  if (!making_since_) return std::nullopt;
  return Running{watch_.copied_bytes,
                 std::chrono::duration_cast<Millis>(clock_.now() - *making_since_)};
}

void Backups::begin_stop() {
  watch_.cancel = true;
}

}  // namespace sluice::broker
