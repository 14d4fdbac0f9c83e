#include "shared/snapshots/fold_snapshots.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "shared/base/file.h"
#include "shared/log/log.h"

namespace sluice::snapshots {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".fold";
constexpr std::string_view kUnfinished = ".tmp";
// Larger than the memory that its orders would take.
constexpr std::size_t kMaxBytes = std::size_t{64} << 30;
// Written and synced piece by piece: on a disk that a broker shares, its fsyncs wait for one piece.
constexpr std::size_t kPieceBytes = 1 << 20;

std::unexpected<Error> failed_to(std::string_view what, const std::string& path) {
  return fail(Code::io, fmt::format("{} cannot be {}: {}", path, what, std::strerror(errno)));
}

class File {
 public:
  File(const std::string& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0640)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool is_open() const { return fd_ >= 0; }

  bool append(ByteView bytes) {
    while (!bytes.empty()) {
      const ssize_t done = ::write(fd_, bytes.data(), bytes.size());
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(done));
    }
    return true;
  }

  bool sync() { return ::fdatasync(fd_) == 0; }

 private:
  int fd_;
};

Result<void> write_file(const std::string& path, ByteView bytes) {
  File file(path, O_WRONLY | O_CREAT | O_TRUNC);
  if (!file.is_open()) return failed_to("made", path);
  while (!bytes.empty()) {
    const ByteView piece = bytes.substr(0, kPieceBytes);
    if (!file.append(piece) || !file.sync()) return failed_to("written", path);
    bytes.remove_prefix(piece.size());
  }
  return {};
}

// What killed processes have left.
void remove_unfinished(const std::string& folder) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().extension() == kUnfinished) fs::remove(entry.path(), ignored);
  }
}

}  // namespace

void describe(config::Schema& schema, Options& options) {
  schema.add("data_dir", options.folder, "path",
             "Where snapshots of what was read from the log are kept, so that a start reads only "
             "the log's end; made when it is not there. Nothing is lost with it. Empty: a start "
             "reads the whole log.");
  schema
      .add("snapshot_records", options.every_records, "records",
           "How much of a partition is read between two snapshots; a quarter of its orders when "
           "that is more. Fewer: a quicker start, more writing.")
      .between(1, 1'000'000'000);
}

Result<std::unique_ptr<FoldSnapshots>> FoldSnapshots::open(Options options) {
  if (!options.folder.empty()) {
    std::error_code error;
    fs::create_directories(options.folder, error);
    if (error) {
      return fail(Code::io,
                  fmt::format("data_dir: {} cannot be made: {}", options.folder, error.message()));
    }
    if (::access(options.folder.c_str(), R_OK | W_OK | X_OK) != 0) {
      return failed_to("written to", "data_dir: " + options.folder);
    }
    remove_unfinished(options.folder);
  }
  return std::unique_ptr<FoldSnapshots>(new FoldSnapshots(std::move(options)));
}

FoldSnapshots::FoldSnapshots(Options options) : options_(std::move(options)) {
  if (options_.folder.empty()) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

FoldSnapshots::~FoldSnapshots() = default;

std::string FoldSnapshots::path_of(const std::string& name) const {
  return fmt::format("{}/{}{}", options_.folder, name, kSuffix);
}

ledger::FoldedLog FoldSnapshots::load(const std::string& name) {
  const std::string path = path_of(name);
  if (options_.folder.empty() || !fs::exists(path)) return {};
  const auto bytes = read_file(path, kMaxBytes);
  auto log = bytes ? ledger::decode_snapshot(*bytes) : std::unexpected(bytes.error());
  if (!log) {
    drop(name, log.error().context);
    return {};
  }
  kept_at_[name] = log->fold.next_offset();
  log::info("snapshot read path={} orders={} next_offset={}", log::quoted(path),
            log->fold.order_count(), log->fold.next_offset());
  return std::move(*log);
}

void FoldSnapshots::drop(const std::string& name, std::string_view why) {
  log::warning("snapshot dropped, the log is read from its beginning path={} why={}",
               log::quoted(path_of(name)), log::quoted(why));
  kept_at_.erase(name);
  std::error_code ignored;  // there is nothing to lose, and the next one replaces it
  fs::remove(path_of(name), ignored);
}

void FoldSnapshots::keep(const std::string& name, const ledger::FoldedLog& log) {
  if (options_.folder.empty() || log.at_seam) return;
  std::int64_t& kept_at = kept_at_[name];
  const auto a_quarter = static_cast<std::int64_t>(log.fold.order_count() / 4);
  const std::int64_t next = log.fold.next_offset();
  if (next - kept_at < std::max(options_.every_records, a_quarter)) return;
  {
    const std::lock_guard lock(mutex_);
    if (pending_) return;
  }
  Pending snapshot{name, ledger::encode_snapshot(log)};
  kept_at = next;
  const std::lock_guard lock(mutex_);
  pending_ = std::move(snapshot);
  pended_.notify_one();
}

void FoldSnapshots::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (pended_.wait(lock, stop, [this] { return pending_.has_value(); })) {
    lock.unlock();
    const auto done = write(*pending_);  // nobody else touches it while it is set
    if (!done) log::warning("snapshot not kept why={}", log::quoted(done.error().context));
    (done ? written_ : failed_).fetch_add(1, std::memory_order_relaxed);
    lock.lock();
    pending_.reset();
  }
}

Result<void> FoldSnapshots::write(const Pending& snapshot) const {
  const std::string path = path_of(snapshot.name);
  const std::string unfinished = fmt::format("{}.{}{}", path, ::getpid(), kUnfinished);
  auto written = write_file(unfinished, snapshot.bytes);
  if (written && ::rename(unfinished.c_str(), path.c_str()) != 0) {
    written = failed_to("replaced", path);
  }
  if (!written) ::unlink(unfinished.c_str());
  return written;
}

}  // namespace sluice::snapshots
