#include "shared/snapshots/fold_snapshots.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "shared/ledger/codec.h"
#include "tests/support/temp_dir.h"

namespace sluice::snapshots {

using tests::TempDir;

namespace {

namespace fs = std::filesystem;

// A log of epochs, of which each counts.
void read_up_to(ledger::FoldedLog& log, std::int64_t end) {
  for (std::int64_t offset = log.fold.next_offset(); offset < end; ++offset) {
    const ledger::Event event = ledger::Epoch{.epoch = offset + 1, .writer = "w"};
    static_cast<void>(log.fold.apply(offset, event));
    log.seam = ledger::seam_at(offset, ledger::key_of(event), ledger::encode(event));
  }
}

std::unique_ptr<FoldSnapshots> opened(const TempDir& folder, std::int64_t every = 10) {
  auto snapshots = FoldSnapshots::open({.folder = folder.path(), .every_records = every});
  REQUIRE(snapshots);
  return std::move(*snapshots);
}

// What a process keeps that reads so far; it ends with what it writes being written.
void keep(const TempDir& folder, ledger::FoldedLog& log, std::int64_t end) {
  read_up_to(log, end);
  opened(folder)->keep("orders-0", log);
}

std::size_t files_in(const TempDir& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("what was kept is read by the next process") {
  const TempDir folder;
  ledger::FoldedLog log;
  keep(folder, log, 25);
  const auto read = opened(folder)->load("orders-0");
  CHECK(read.fold.next_offset() == 25);
  CHECK(read.seam == log.seam);
  CHECK(files_in(folder) == 1);
  CHECK(opened(folder)->load("orders-1").fold.next_offset() == 0);
}

TEST_CASE("a snapshot is taken when enough was read since the last one") {
  const TempDir folder;
  ledger::FoldedLog log;
  keep(folder, log, 9);
  CHECK(files_in(folder) == 0);
  keep(folder, log, 10);
  CHECK(opened(folder)->load("orders-0").fold.next_offset() == 10);
  {
    const auto snapshots = opened(folder);
    static_cast<void>(snapshots->load("orders-0"));
    read_up_to(log, 19);
    snapshots->keep("orders-0", log);
  }
  CHECK(opened(folder)->load("orders-0").fold.next_offset() == 10);
}

TEST_CASE("a damaged snapshot is dropped, and so is one that was cut") {
  const TempDir folder;
  ledger::FoldedLog log;
  keep(folder, log, 25);
  const fs::path file = fs::directory_iterator(folder.path())->path();
  fs::resize_file(file, fs::file_size(file) - 1);
  CHECK(opened(folder)->load("orders-0").fold.next_offset() == 0);
  CHECK(files_in(folder) == 0);
}

TEST_CASE("one that does not fit the log is dropped") {
  const TempDir folder;
  ledger::FoldedLog log;
  keep(folder, log, 25);
  const auto snapshots = opened(folder);
  CHECK(snapshots->load("orders-0").fold.next_offset() == 25);
  snapshots->drop("orders-0", "the log ends before it");
  CHECK(snapshots->load("orders-0").fold.next_offset() == 0);
}

TEST_CASE("what a killed process left unfinished goes, and what it kept stays") {
  const TempDir folder;
  ledger::FoldedLog log;
  keep(folder, log, 25);
  std::ofstream(fs::path(folder.path()) / "orders-0.fold.4711.tmp") << "half";
  CHECK(opened(folder)->load("orders-0").fold.next_offset() == 25);
  CHECK(files_in(folder) == 1);
}

TEST_CASE("a folder that cannot be made is an error that names it") {
  const TempDir folder;
  const std::string file = (fs::path(folder.path()) / "file").string();
  std::ofstream(file) << "no folder";
  const auto snapshots = FoldSnapshots::open({.folder = file + "/below"});
  REQUIRE_FALSE(snapshots);
  CHECK(snapshots.error().context.find(file + "/below") != std::string::npos);
}

TEST_CASE("a file that cannot be written is counted, and nothing else happens") {
  const TempDir folder;
  ledger::FoldedLog log;
  read_up_to(log, 25);
  const auto inner = fs::path(folder.path()) / "inner";
  auto snapshots = FoldSnapshots::open({.folder = inner.string(), .every_records = 10});
  REQUIRE(snapshots);
  fs::remove(inner);
  (*snapshots)->keep("orders-0", log);
  while ((*snapshots)->failed() == 0) std::this_thread::yield();
  CHECK((*snapshots)->written() == 0);
}

TEST_CASE("without a folder nothing is kept") {
  auto snapshots = FoldSnapshots::open({.folder = "", .every_records = 1});
  REQUIRE(snapshots);
  ledger::FoldedLog log;
  read_up_to(log, 25);
  (*snapshots)->keep("orders-0", log);
  CHECK((*snapshots)->load("orders-0").fold.next_offset() == 0);
}

}  // namespace sluice::snapshots
