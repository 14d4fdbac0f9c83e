#include "shared/async/stream.h"

#include <doctest/doctest.h>

#include <array>
#include <deque>
#include <string>
#include <vector>

#include "shared/async/offload.h"
#include "tests/support/memory_stream.h"

namespace sluice {

namespace {

Task<std::string> read_some(Stream& stream, std::size_t size) {
  std::string buffer(size, '\0');
  const auto got = co_await stream.read(buffer);
  if (!got) co_return "error: " + got.error().context;
  co_return buffer.substr(0, *got);
}

Task<bool> write_parts(Stream& stream, std::vector<std::string> parts) {
  std::vector<ByteView> views(parts.begin(), parts.end());
  const auto written = co_await stream.write(views);
  co_return written.has_value();
}

// Does the work when the test says so.
class ManualOffload final : public Offload {
 public:
  void step() {
    auto [work, done] = std::move(queue_.front());
    queue_.pop_front();
    work();
    done();
  }

 protected:
  void submit(Job work, Job done) override {
    queue_.emplace_back(std::move(work), std::move(done));
  }

 private:
  std::deque<std::pair<Job, Job>> queue_;
};

Task<int> offloaded(Offload& offload, int number, bool& ran) {
  auto nothing = [&ran] { ran = true; };
  co_await offload.run(std::move(nothing));
  auto square = [number] { return number * number; };
  co_return co_await offload.run(std::move(square));
}

}  // namespace

TEST_CASE("memory streams carry bytes both ways and tell the end") {
  auto [a, b] = MemoryStream::pair();
  CHECK(write_parts(*a, {"he", "", "llo"}).take());
  CHECK_EQ(read_some(*b, 3).take(), "hel");
  CHECK_EQ(read_some(*b, 9).take(), "lo");
  auto waiting = read_some(*a, 4);
  CHECK_FALSE(waiting.done());
  CHECK(write_parts(*b, {"yes"}).take());
  CHECK_EQ(waiting.take(), "yes");
  a->finish_sending();
  CHECK_EQ(read_some(*b, 4).take(), "");
  CHECK(write_parts(*b, {"still"}).take());
  CHECK_EQ(a->drain(), "still");
}

TEST_CASE("a full memory stream makes the writer wait") {
  auto [a, b] = MemoryStream::pair(4);
  auto writing = write_parts(*a, {"abc", "defghi"});
  CHECK_FALSE(writing.done());
  CHECK_EQ(read_some(*b, 2).take(), "ab");
  CHECK_FALSE(writing.done());
  CHECK_EQ(b->drain(), "cdefghi");
  CHECK(writing.take());
}

TEST_CASE("close ends what is pending on both sides") {
  auto [a, b] = MemoryStream::pair(1);
  auto own_read = read_some(*a, 1);
  auto own_write = write_parts(*a, {"ab"});
  auto other_write = write_parts(*b, {"xyz"});
  CHECK_EQ(own_read.take(), "x");
  a->close();
  CHECK_FALSE(own_write.take());
  CHECK_FALSE(other_write.take());
  CHECK(read_some(*a, 1).take().starts_with("error: "));
  CHECK_EQ(read_some(*b, 4).take(), "a");
  CHECK_EQ(read_some(*b, 4).take(), "");
  CHECK(b->ended());
}

TEST_CASE("off-loaded work resumes with its result") {
  ManualOffload offload;
  bool ran = false;
  auto task = offloaded(offload, 7, ran);
  CHECK_FALSE(ran);
  offload.step();
  CHECK(ran);
  CHECK_FALSE(task.done());
  offload.step();
  CHECK_EQ(task.take(), 49);
}

}  // namespace sluice
