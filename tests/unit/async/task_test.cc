#include "shared/async/task.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "shared/async/gate.h"
#include "shared/async/one_shot.h"
#include "shared/base/result.h"

namespace sluice {

namespace {

Task<int> ready(int value) {
  co_return value;
}

Task<int> add(OneShot<int>& a, OneShot<int>& b) {
  const int first = co_await a;
  co_return first + co_await b;
}

Task<std::unique_ptr<std::string>> moved(std::unique_ptr<std::string> text) {
  co_return std::move(text);
}

Task<Result<int>> half(int number) {
  if (number % 2 != 0) co_return fail(Code::invalid, "odd");
  co_return number / 2;
}

Task<Result<int>> quarter(int number) {
  CO_TRY(once, co_await half(number));
  CO_TRY(twice, co_await half(once));
  co_return twice;
}

Task<long> sum_of_ready(int count) {
  long sum = 0;
  for (int i = 0; i < count; ++i) sum += co_await ready(i);
  co_return sum;
}

Task<void> wait_for(OneShot<int>& gate, std::vector<int>& log, int number) {
  log.push_back(number);
  log.push_back(number * 10 + co_await gate);
}

}  // namespace

TEST_CASE("a task runs at the call until it waits, then when it is resumed") {
  OneShot<int> a;
  OneShot<int> b;
  auto task = add(a, b);
  CHECK_FALSE(task.done());
  b.set(2);
  CHECK_FALSE(task.done());
  a.set(1);
  REQUIRE(task.done());
  CHECK_EQ(task.take(), 3);
}

TEST_CASE("values that only move go through") {
  auto task = moved(std::make_unique<std::string>("x"));
  auto other = std::move(task);
  REQUIRE(other.done());
  CHECK_EQ(*other.take(), "x");
}

TEST_CASE("CO_TRY returns the error or binds the value") {
  CHECK_EQ(*quarter(12).take(), 3);
  CHECK_EQ(quarter(6).take().error().context, "odd");
}

TEST_CASE("a long loop over tasks that finish at once does not grow the stack") {
  CHECK_EQ(sum_of_ready(1'000'000).take(), 499'999'500'000);
}

TEST_CASE("assigning to a finished task frees the old frame") {
  auto task = ready(1);
  task = ready(2);
  CHECK_EQ(task.take(), 2);
}

TEST_CASE("a gate keeps its tasks and close waits for all of them") {
  Gate gate;
  OneShot<int> first;
  OneShot<int> second;
  std::vector<int> log;
  gate.spawn(wait_for(first, log, 1));
  gate.spawn(wait_for(second, log, 2));
  CHECK_EQ(gate.running(), 2u);
  auto closing = gate.close();
  CHECK_FALSE(closing.done());
  second.set(5);
  CHECK_EQ(gate.running(), 1u);
  CHECK_FALSE(closing.done());
  first.set(7);
  CHECK(closing.done());
  CHECK_EQ(log, std::vector{1, 2, 25, 17});
  CHECK(gate.close().done());
}

TEST_CASE("a gate can close again and take more afterwards") {
  Gate gate;
  CHECK(gate.close().done());
  OneShot<int> later;
  std::vector<int> log;
  gate.spawn(wait_for(later, log, 3));
  later.set(1);
  CHECK_EQ(gate.running(), 0u);
}

TEST_CASE("a value that is set before anybody waits is not lost") {
  OneShot<int> a;
  OneShot<int> b;
  a.set(1);
  b.set(2);
  auto task = add(a, b);
  REQUIRE(task.done());
  CHECK_EQ(task.take(), 3);
}

}  // namespace sluice
