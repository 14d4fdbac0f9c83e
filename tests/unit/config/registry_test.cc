#include "shared/metrics/registry.h"

#include <doctest/doctest.h>

#include <thread>

using namespace sluice::metrics;

TEST_CASE("the text format has help and type once per name and a line per series") {
  Registry registry;
  auto& placed = registry.counter("orders_total", "Orders by result", {{"result", "placed"}});
  auto& rejected = registry.counter("orders_total", "Orders by result", {{"result", "rejected"}});
  auto& depth = registry.gauge("queue_depth", "Waiting\nitems with \\");
  registry.gauge("up_seconds", "Since start", [] { return 1.5; }, {{"path", "a\"b\\c\n"}});
  placed.add(3);
  rejected.add();
  depth.set(-2);
  CHECK(registry.prometheus() ==
        "# HELP orders_total Orders by result\n"
        "# TYPE orders_total counter\n"
        "orders_total{result=\"placed\"} 3\n"
        "orders_total{result=\"rejected\"} 1\n"
        "# HELP queue_depth Waiting\\nitems with \\\\\n"
        "# TYPE queue_depth gauge\n"
        "queue_depth -2\n"
        "# HELP up_seconds Since start\n"
        "# TYPE up_seconds gauge\n"
        "up_seconds{path=\"a\\\"b\\\\c\\n\"} 1.5\n");
}

TEST_CASE("histogram buckets are cumulative and an observation at the bound is inside") {
  Registry registry;
  auto& h = registry.histogram("t_seconds", "Time", {0.5, 1}, {{"op", "x"}});
  h.observe(0.25);
  h.observe(1.0);
  h.observe(std::chrono::seconds(3));
  CHECK(registry.prometheus() ==
        "# HELP t_seconds Time\n"
        "# TYPE t_seconds histogram\n"
        "t_seconds_bucket{op=\"x\",le=\"0.5\"} 1\n"
        "t_seconds_bucket{op=\"x\",le=\"1\"} 2\n"
        "t_seconds_bucket{op=\"x\",le=\"+Inf\"} 3\n"
        "t_seconds_sum{op=\"x\"} 4.25\n"
        "t_seconds_count{op=\"x\"} 3\n");
}

TEST_CASE("threads count together") {
  Registry registry;
  auto& counter = registry.counter("n_total", "N");
  auto& histogram = registry.histogram("h", "H", Histogram::latency_bounds());
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 10'000; ++i) {
          counter.add();
          histogram.observe(1.0);
        }
      });
    }
  }
  CHECK(counter.value() == 40'000);
  CHECK(histogram.sum() == 40'000);
}
