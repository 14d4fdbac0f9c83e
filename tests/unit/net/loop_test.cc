#include "shared/net/loop.h"

#include <doctest/doctest.h>

#include <thread>
#include <vector>

#include "shared/net/thread_pool.h"
#include "shared/net/timer.h"

namespace sluice::net {

TEST_CASE("run returns when nothing is left, after what was posted ran in order") {
  Loop loop;
  std::vector<int> ran;
  loop.post([&] {
    ran.push_back(1);
    loop.post([&] { ran.push_back(3); });
  });
  loop.post([&] { ran.push_back(2); });
  loop.run();
  CHECK_EQ(ran, std::vector{1, 2, 3});
  loop.run();
}

TEST_CASE("stop ends a run that has open handles; a later run goes on") {
  Loop loop;
  SystemClock clock;
  int fired = 0;
  Timer timer(loop, clock);
  timer.arm(clock.now() + Millis(1), [&] { ++fired; });
  loop.post([&] { loop.stop(); });
  loop.run();
  CHECK_EQ(fired, 0);
  loop.run();
  CHECK_EQ(fired, 1);
}

TEST_CASE("jobs posted from many threads all run on the loop thread") {
  static constexpr int kThreads = 4;
  static constexpr int kEach = 1000;
  Loop loop;
  int ran = 0;
  loop.work_started();
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        loop.post([&] {
          loop.check_here();
          if (++ran == kThreads * kEach) loop.work_finished();
        });
      }
    });
  }
  loop.run();
  CHECK_EQ(ran, kThreads * kEach);
}

TEST_CASE("what is posted and never run is run by the destructor") {
  bool ran = false;
  {
    Loop loop;
    loop.post([&] { ran = true; });
  }
  CHECK(ran);
}

namespace {

Task<void> collect(ThreadPool& pool, int number, std::vector<int>& into, std::thread::id loop) {
  auto job = [number, loop] {
    CHECK_NE(std::this_thread::get_id(), loop);
    return number;
  };
  const int result = co_await pool.run(std::move(job));
  CHECK_EQ(std::this_thread::get_id(), loop);
  into.push_back(result);
}

Task<void> run_void(ThreadPool& pool, bool& ran) {
  auto job = [&ran] { ran = true; };
  co_await pool.run(std::move(job));
}

}  // namespace

TEST_CASE("a pool of one thread answers in the order of the calls") {
  Loop loop;
  ThreadPool pool(loop, 1, "one");
  std::vector<int> results;
  std::vector<Task<void>> tasks;
  for (int i = 0; i < 100; ++i) {
    tasks.push_back(collect(pool, i, results, std::this_thread::get_id()));
  }
  CHECK(results.empty());
  loop.run();
  REQUIRE_EQ(results.size(), 100u);
  for (int i = 0; i < 100; ++i) CHECK_EQ(results[static_cast<std::size_t>(i)], i);
}

TEST_CASE("a pool that is destroyed has run its jobs; the loop still delivers the results") {
  Loop loop;
  std::vector<int> results;
  bool ran = false;
  std::vector<Task<void>> tasks;
  {
    ThreadPool pool(loop, 3, "a-name-longer-than-fifteen");
    for (int i = 0; i < 20; ++i) {
      tasks.push_back(collect(pool, i, results, std::this_thread::get_id()));
    }
    tasks.push_back(run_void(pool, ran));
  }
  CHECK(ran);
  CHECK(results.empty());
  loop.run();
  CHECK_EQ(results.size(), 20u);
}

}  // namespace sluice::net
