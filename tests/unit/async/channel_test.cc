#include "shared/async/channel.h"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <vector>

namespace sluice {

namespace {

Task<void> push_all(Channel<int>& channel, int count, int& pushed) {
  for (int i = 0; i < count; ++i) {
    if (!co_await channel.push(i)) co_return;
    ++pushed;
  }
}

Task<void> pop_all(Channel<int>& channel, std::vector<int>& popped) {
  while (auto value = co_await channel.pop()) popped.push_back(*value);
}

}  // namespace

TEST_CASE("a channel keeps order and holds the pusher back at its capacity") {
  Channel<int> channel(3);
  int pushed = 0;
  auto pushing = push_all(channel, 10, pushed);
  CHECK_EQ(pushed, 3);
  CHECK_EQ(channel.size(), 3u);
  CHECK_EQ(channel.pop().take(), 0);
  CHECK_EQ(pushed, 4);
  std::vector<int> popped;
  auto popping = pop_all(channel, popped);
  CHECK(pushing.done());
  CHECK_EQ(popped, std::vector{1, 2, 3, 4, 5, 6, 7, 8, 9});
  CHECK_FALSE(popping.done());
  channel.close();
  CHECK(popping.done());
}

TEST_CASE("a waiting popper gets a value as it is pushed") {
  Channel<int> channel(1);
  std::vector<int> popped;
  auto popping = pop_all(channel, popped);
  CHECK(channel.push(7).take());
  CHECK_EQ(popped, std::vector{7});
  channel.close();
  CHECK(popping.done());
}

TEST_CASE("close lets what is inside be popped and refuses more") {
  Channel<int> channel(2);
  int pushed = 0;
  auto pushing = push_all(channel, 5, pushed);
  CHECK_EQ(pushed, 2);
  channel.close();
  CHECK(pushing.done());
  CHECK_EQ(pushed, 2);
  CHECK_FALSE(channel.push(9).take());
  CHECK_EQ(channel.pop().take(), 0);
  CHECK_EQ(channel.pop().take(), 1);
  CHECK_FALSE(channel.pop().take().has_value());
  CHECK(channel.closed());
  channel.close();
}

TEST_CASE("values that only move go through a channel") {
  Channel<std::unique_ptr<int>> channel(1);
  CHECK(channel.push(std::make_unique<int>(3)).take());
  CHECK_EQ(**channel.pop().take(), 3);
}

}  // namespace sluice
