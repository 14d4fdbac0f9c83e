#pragma once
// What a program counts, each metric declared once: name, labels, help. The program keeps the
// reference and updates it with one relaxed atomic; /metrics renders them all.
//
//   metrics::Registry registry;
//   auto& placed = registry.counter("sluice_worker_orders_placed_total", "Orders written");
//   placed.add();

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace sluice::metrics {

// Fixed at the declaration: values that a peer can choose are never labels, so the number of series
// is bounded by the program text and its configuration.
using Labels = std::vector<std::pair<std::string, std::string>>;

// Only grows. Any thread. Alone on its cache line, as is Gauge: neighbours do not slow each other.
class alignas(64) Counter {
 public:
  void add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Goes up and down. Any thread.
class alignas(64) Gauge {
 public:
  void set(std::int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void add(std::int64_t n) { value_.fetch_add(n, std::memory_order_relaxed); }
  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

// Counts observations by upper bound. Any thread; a reader may see an observation in its bucket
// before it is in the sum.
class alignas(64) Histogram {
 public:
  explicit Histogram(std::vector<double> upper_bounds);

  void observe(double value);
  // For metrics in seconds.
  void observe(std::chrono::nanoseconds duration) {
    observe(std::chrono::duration<double>(duration).count());
  }

  const std::vector<double>& upper_bounds() const { return upper_bounds_; }
  // Observations in bucket `index` alone; the last index is the one without an upper bound.
  std::uint64_t in_bucket(std::size_t index) const;
  double sum() const { return sum_.load(std::memory_order_relaxed); }

  // 100 µs to 10 s, for latencies in seconds.
  static std::vector<double> latency_bounds();

 private:
  std::vector<double> upper_bounds_;
  std::vector<std::atomic<std::uint64_t>> buckets_;
  std::atomic<double> sum_{0};
};

// Owns the metrics; references stay valid as long as it lives. Thread-safe. A name must follow
// Prometheus' grammar, and a (name, labels) pair is declared once: breaking either is a CHECK.
class Registry {
 public:
  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  Counter& counter(std::string name, std::string help, Labels labels = {});
  Gauge& gauge(std::string name, std::string help, Labels labels = {});
  Histogram& histogram(std::string name, std::string help, std::vector<double> upper_bounds,
                       Labels labels = {});
  // Read when the metrics are rendered, on that thread: what it reads must be safe to read there,
  // and must live until the registry is gone.
  void gauge(std::string name, std::string help, std::function<double()> read, Labels labels = {});
  void counter(std::string name, std::string help, std::function<double()> read,
               Labels labels = {});

  // Everything in the text exposition format 0.0.4, in the order of the declarations.
  std::string prometheus() const;
  static constexpr const char* kContentType = "text/plain; version=0.0.4; charset=utf-8";

 private:
  enum class Kind { counter, gauge, histogram };
  struct Series;
  struct Family;

  Series& declare(std::string name, std::string help, Kind kind, Labels labels);

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Family>> families_;
};

}  // namespace sluice::metrics
