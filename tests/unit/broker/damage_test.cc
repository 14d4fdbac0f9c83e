// Damage of the files under a RocksStore: refused at the start, or reported when it is read; never
// dropped, never served. And the file check finds each of them.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "broker/log/log_file_check.h"
#include "broker/log/rocks_store_files.h"
#include "broker/log/verify.h"
#include "shared/base/random.h"
#include "tests/unit/broker/stored_history.h"

namespace sluice::broker {
namespace {

namespace fs = std::filesystem;
using tests::StoredHistory;
using tests::TempDir;

// Where the history's files lie, so that a test can copy and damage them.
class NamedMedium {
 public:
  std::unique_ptr<Store> open() {
    auto store =
        open_rocks_store({.path = dir_.path(), .segment_bytes = 1 << 20, .disk_reserve_bytes = 0});
    CHECK(store);
    return std::move(*store);
  }
  const std::string& path() const { return dir_.path(); }

 private:
  TempDir dir_;
};

using Contents = std::map<std::pair<Family, Buffer>, Buffer>;

// Everything that can be read, or why not all can be.
Result<Contents> read_all(const Store& store) {
  Contents contents;
  for (const Family family : {Family::log, Family::state, Family::delay}) {
    const auto cursor = store.cursor(family, 0);
    for (cursor->seek(""); cursor->valid(); cursor->next()) {
      contents.emplace(std::pair(family, Buffer(cursor->key())), Buffer(cursor->value()));
    }
    TRY_VOID(cursor->status());
  }
  return contents;
}

std::string slurp(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void spew(const fs::path& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

// A data directory as kill -9 leaves it, with everything that was acknowledged: its files, so that
// each damage starts from the same.
struct Wreck {
  Wreck() {
    StoredHistory<NamedMedium> history;
    auto contents = read_all(history.store());
    REQUIRE(contents);
    whole = std::move(*contents);
    REQUIRE(history.store().housekeep());
    take(history.medium.path());
  }
  explicit Wreck(const std::string& path) { take(path); }

  void take(const std::string& path) {
    for (const auto& entry : fs::recursive_directory_iterator(path)) {
      if (!entry.is_regular_file()) continue;
      files[fs::relative(entry.path(), path).string()] = slurp(entry.path());
    }
  }

  std::vector<std::string> named(const std::string& part) const {
    std::vector<std::string> names;
    for (const auto& [name, bytes] : files) {
      if (name.find(part) != std::string::npos && !bytes.empty()) names.push_back(name);
    }
    return names;
  }
  std::string newest(const std::string& part) const {
    const auto names = named(part);
    REQUIRE_FALSE(names.empty());
    return names.back();
  }

  // The files on the disk, one of them replaced, or left out for nothing.
  struct Copy {
    TempDir dir;
    Result<std::unique_ptr<Store>> open() const {
      return open_rocks_store(
          {.path = dir.path(), .segment_bytes = 1 << 20, .disk_reserve_bytes = 0});
    }
    std::vector<Finding> findings() const {
      auto opened = open_rocks_store_read_only(dir.path());
      auto found = check_files(dir.path(), opened).findings;
      std::ranges::move(opened.findings, std::back_inserter(found));
      if (!opened.store) return found;
      auto walked = Verifier(*opened.store).run();
      std::ranges::move(walked.findings, std::back_inserter(found));
      return found;
    }
  };
  std::unique_ptr<Copy> with(const std::string& name, std::optional<std::string> bytes) const {
    auto copy = std::make_unique<Copy>();
    for (const auto& [file, content] : files) {
      const fs::path path = fs::path(copy->dir.path()) / file;
      fs::create_directories(path.parent_path());
      if (file != name)
        spew(path, content);
      else if (bytes)
        spew(path, *bytes);
    }
    return copy;
  }

  std::map<std::string, std::string> files;
  Contents whole;
};

std::string text_of(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings) {
    text += (finding.warning ? "warning: " : "") + finding.text() + "\n";
  }
  return text;
}

enum class Seen : unsigned char { refused, reported, whole };

// What becomes of a damaged directory; the one thing that must not be is a loss without a word.
Seen outcome(const Wreck& wreck, const Wreck::Copy& copy, const std::string& file,
             std::string* said = nullptr) {
  const auto store = copy.open();
  if (!store) {
    if (said) *said = store.error().context;
    CHECK_MESSAGE(store.error().context.find(copy.dir.path()) != std::string::npos,
                  store.error().context);
    return Seen::refused;
  }
  const auto contents = read_all(**store);
  if (!contents) {
    if (said) *said = contents.error().context;
    CHECK_MESSAGE(contents.error().context.find(fs::path(file).filename()) != std::string::npos,
                  contents.error().context);
    return Seen::reported;
  }
  CHECK_MESSAGE(*contents == wreck.whole, "lost or changed without a word");
  return Seen::whole;
}

std::string flipped(std::string bytes, std::size_t at, int bit = 0) {
  bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
  return bytes;
}

std::string zeroed(std::string bytes, std::size_t from, std::size_t count) {
  std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(from),
              std::min(count, bytes.size() - from), '\0');
  return bytes;
}

// All of it in the write-ahead log, as after a crash: more than a block of it.
TEST_CASE("the write-ahead log: every row of what can happen to it") {
  const Wreck wreck;
  const std::string log = wreck.newest(".log");
  const std::string& bytes = wreck.files.at(log);
  REQUIRE(bytes.size() > 100);
  std::string said;

  SUBCASE("untouched") {
    const auto copy = wreck.with("", {});
    CHECK(text_of(copy->findings()) == "");
    CHECK(outcome(wreck, *copy, log) == Seen::whole);
  }
  SUBCASE("garbage or zeros behind the end were never acknowledged") {
    for (const std::string& more :
         {std::string(5'000, '\0'), std::string("\x91garbage\xf0\xf0\xf0 more"),
          std::string(3, '\0')}) {
      const auto copy = wreck.with(log, bytes + more);
      CHECK(text_of(copy->findings()) == "");
      CHECK(outcome(wreck, *copy, log) == Seen::whole);
    }
  }
  SUBCASE("a bit flipped in the middle") {
    const auto copy = wreck.with(log, flipped(bytes, bytes.size() / 2));
    CHECK(text_of(copy->findings()).find(log) != std::string::npos);
    CHECK(outcome(wreck, *copy, log, &said) == Seen::refused);
    CHECK_MESSAGE(said.find(log + " at byte ") != std::string::npos, said);
    CHECK_MESSAGE(said.find("sluicectl verify") != std::string::npos, said);
  }
  SUBCASE("zeros in the middle, or at the end") {
    for (const std::size_t from :
         {bytes.size() / 3, bytes.size() - std::min<std::size_t>(bytes.size(), 4'096)}) {
      const auto copy = wreck.with(log, zeroed(bytes, from, 4'096));
      CHECK(text_of(copy->findings()) != "");
      CHECK(outcome(wreck, *copy, log) == Seen::refused);
    }
  }
  SUBCASE("cut short anywhere: what was acknowledged stands elsewhere too") {
    for (std::size_t left = 0; left < bytes.size(); left += 1 + bytes.size() / 40) {
      CAPTURE(left);
      const auto copy = wreck.with(log, bytes.substr(0, left));
      CHECK(text_of(copy->findings()) != "");
      CHECK(outcome(wreck, *copy, log) == Seen::refused);
    }
  }
  SUBCASE("missing") {
    const auto copy = wreck.with(log, {});
    CHECK(text_of(copy->findings()) != "");
    CHECK(outcome(wreck, *copy, log) == Seen::refused);
  }
  SUBCASE("a write that a crash cut short is dropped") {
    // The mark is a second old: the last write counts as never acknowledged.
    const std::string mark = wreck.newest("acknowledged");
    auto copy = wreck.with(log, bytes.substr(0, bytes.size() - 3));
    fs::remove(fs::path(copy->dir.path()) / mark);
    CHECK(copy->open());
  }
}

TEST_CASE("a flipped bit anywhere in any file is refused, reported or without effect") {
  const Wreck crashed;
  const auto settled_copy = crashed.with("", {});
  CHECK(settled_copy->open());  // replays, and everything is in table files
  Wreck settled(settled_copy->dir.path());
  settled.whole = crashed.whole;
  SeededRandom random(11);
  for (const Wreck* wreck : {&crashed, &std::as_const(settled)}) {
    for (const auto& [name, bytes] : wreck->files) {
      if (name.ends_with("LOCK") || name.find("/LOG") != std::string::npos || bytes.empty())
        continue;
      std::map<Seen, int> seen;
      for (int i = 0; i < 10; ++i) {
        const std::size_t at = i == 0 ? 0 : i == 1 ? bytes.size() - 1 : random.below(bytes.size());
        CAPTURE(name);
        CAPTURE(at);
        const auto copy = wreck->with(name, flipped(bytes, at, static_cast<int>(random.below(8))));
        const std::string findings = text_of(copy->findings());
        const Seen result = outcome(*wreck, *copy, name);
        ++seen[result];
        CHECK_MESSAGE((result == Seen::whole || findings != ""), "verify did not find it");
      }
      MESSAGE(name << ": refused " << seen[Seen::refused] << ", reported " << seen[Seen::reported]
                   << ", without effect " << seen[Seen::whole]);
    }
  }
}

TEST_CASE("a file that is missing, empty or cut in half") {
  const Wreck crashed;
  const auto settled_copy = crashed.with("", {});
  CHECK(settled_copy->open());
  Wreck settled(settled_copy->dir.path());
  settled.whole = crashed.whole;
  for (const Wreck* wreck : {&crashed, &std::as_const(settled)}) {
    for (const auto& [name, bytes] : wreck->files) {
      if (name.ends_with("LOCK") || name.find("/LOG") != std::string::npos || bytes.empty())
        continue;
      const std::optional<std::string> damages[] = {std::nullopt, "",
                                                    bytes.substr(0, bytes.size() / 2)};
      for (const auto& damage : damages) {
        CAPTURE(name);
        CAPTURE((damage ? damage->size() : -1));
        const auto copy = wreck->with(name, damage);
        const std::string findings = text_of(copy->findings());
        const Seen result = outcome(*wreck, *copy, name);
        const bool helps_only = name.find("IDENTITY") != std::string::npos ||
                                name.find("OPTIONS") != std::string::npos ||
                                (name == "acknowledged" && !damage);
        // A MANIFEST that lacks its end is an older one: whole, as long as its logs are there.
        const bool older = damage && !damage->empty() && name.find("MANIFEST") != std::string::npos;
        if (older && result == Seen::whole) continue;
        CHECK((result == Seen::whole) == helps_only);
        if (!helps_only) CHECK_MESSAGE(findings != "", "verify did not find it");
      }
    }
  }
}

TEST_CASE("without CURRENT the directory is not taken for a new one") {
  const Wreck wreck;
  const auto copy = wreck.with("db/CURRENT", {});
  std::string said;
  CHECK(outcome(wreck, *copy, "db/CURRENT", &said) == Seen::refused);
  CHECK_MESSAGE(said.find("CURRENT: it is missing") != std::string::npos, said);
  // And nothing was removed: with its CURRENT it opens again.
  spew(fs::path(copy->dir.path()) / "db/CURRENT", wreck.files.at("db/CURRENT"));
  CHECK(outcome(wreck, *copy, "db/CURRENT") == Seen::whole);
}

TEST_CASE("half of a table file that a crash left is nobody's") {
  const Wreck wreck;
  const auto copy = wreck.with("", {});
  const std::string table = wreck.files.at(wreck.newest(".sst"));
  spew(fs::path(copy->dir.path()) / "db/000900.sst", table.substr(0, table.size() / 2));
  CHECK(text_of(copy->findings()) == "");
  CHECK(outcome(wreck, *copy, "") == Seen::whole);
}

TEST_CASE("a check changes nothing") {
  const Wreck wreck;
  const auto copy = wreck.with("", {});
  CHECK(text_of(copy->findings()) == "");
  CHECK(Wreck(copy->dir.path()).files == wreck.files);
}

TEST_CASE("a directory that a store holds is not checked") {
  StoredHistory<NamedMedium> history;
  const auto lock = DirectoryLock::take(history.medium.path());
  REQUIRE_FALSE(lock);
  CHECK(lock.error().code == Code::unavailable);
  CHECK(lock.error().context.find("in use") != std::string::npos);
  const std::string path = history.medium.path();
  history.end();
  CHECK(DirectoryLock::take(path));
}

}  // namespace
}  // namespace sluice::broker
