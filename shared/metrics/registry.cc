#include "shared/metrics/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "shared/base/check.h"

namespace sluice::metrics {
namespace {

bool valid_name(const std::string& name, bool colon_allowed) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  return std::all_of(name.begin(), name.end(), [colon_allowed](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (colon_allowed && c == ':');
  });
}

// The format escapes backslash and newline, and in label values the double quote too.
std::string escaped(const std::string& text, bool quote_too) {
  std::string to;
  for (const char c : text) {
    if (c == '\\') {
      to += "\\\\";
    } else if (c == '\n') {
      to += "\\n";
    } else if (c == '"' && quote_too) {
      to += "\\\"";
    } else {
      to += c;
    }
  }
  return to;
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

// Inside of the braces, without them.
std::string label_text(const Labels& labels) {
  std::string text;
  for (const auto& [key, value] : labels) {
    text += fmt::format("{}{}=\"{}\"", text.empty() ? "" : ",", key, escaped(value, true));
  }
  return text;
}

std::string braced(const std::string& labels) {
  return labels.empty() ? std::string() : '{' + labels + '}';
}

void render(const Histogram& histogram, const std::string& name, const std::string& labels,
            std::string& to) {
  const std::string comma = labels.empty() ? "" : ",";
  std::uint64_t count = 0;
  for (std::size_t i = 0; i <= histogram.upper_bounds().size(); ++i) {
    count += histogram.in_bucket(i);
    const std::string bound =
        i < histogram.upper_bounds().size() ? number(histogram.upper_bounds()[i]) : "+Inf";
    to += fmt::format("{}_bucket{{{}{}le=\"{}\"}} {}\n", name, labels, comma, bound, count);
  }
  to += fmt::format("{}_sum{} {}\n", name, braced(labels), number(histogram.sum()));
  to += fmt::format("{}_count{} {}\n", name, braced(labels), count);
}

}  // namespace

// Exactly one of the pointers or `read` is set.
struct Registry::Series {
  Labels labels;
  std::unique_ptr<Counter> counter;
  std::unique_ptr<Gauge> gauge;
  std::unique_ptr<Histogram> histogram;
  std::function<double()> read;
};

struct Registry::Family {
  std::string name;
  std::string help;
  Kind kind;
  std::vector<std::unique_ptr<Series>> series;
};

Histogram::Histogram(std::vector<double> upper_bounds)
    : upper_bounds_(std::move(upper_bounds)), buckets_(upper_bounds_.size() + 1) {
  CHECK(std::is_sorted(upper_bounds_.begin(), upper_bounds_.end()));
}

void Histogram::observe(double value) {
  std::size_t i = 0;
  while (i < upper_bounds_.size() && value > upper_bounds_[i]) ++i;
  buckets_[i].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

std::uint64_t Histogram::in_bucket(std::size_t index) const {
  return buckets_[index].load(std::memory_order_relaxed);
}

std::vector<double> Histogram::latency_bounds() {
  return {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
          0.05,   0.1,     0.25,   0.5,   1,      2.5,   5,    10};
}

Registry::Registry() = default;
Registry::~Registry() = default;

Registry::Series& Registry::declare(std::string name, std::string help, Kind kind, Labels labels) {
  CHECK(valid_name(name, true));
  for (const auto& [key, value] : labels) CHECK(valid_name(key, false) && key != "le");
  const auto named = [&name](const auto& family) { return family->name == name; };
  if (std::none_of(families_.begin(), families_.end(), named)) {
    families_.push_back(std::make_unique<Family>(Family{name, std::move(help), kind, {}}));
  }
  Family& family = **std::find_if(families_.begin(), families_.end(), named);
  CHECK(family.kind == kind);
  for (const auto& series : family.series) CHECK(series->labels != labels);
  family.series.push_back(std::make_unique<Series>());
  family.series.back()->labels = std::move(labels);
  return *family.series.back();
}

Counter& Registry::counter(std::string name, std::string help, Labels labels) {
  const std::lock_guard lock(mutex_);
  Series& series = declare(std::move(name), std::move(help), Kind::counter, std::move(labels));
  series.counter = std::make_unique<Counter>();
  return *series.counter;
}

Gauge& Registry::gauge(std::string name, std::string help, Labels labels) {
  const std::lock_guard lock(mutex_);
  Series& series = declare(std::move(name), std::move(help), Kind::gauge, std::move(labels));
  series.gauge = std::make_unique<Gauge>();
  return *series.gauge;
}

Histogram& Registry::histogram(std::string name, std::string help, std::vector<double> upper_bounds,
                               Labels labels) {
  const std::lock_guard lock(mutex_);
  Series& series = declare(std::move(name), std::move(help), Kind::histogram, std::move(labels));
  series.histogram = std::make_unique<Histogram>(std::move(upper_bounds));
  return *series.histogram;
}

void Registry::gauge(std::string name, std::string help, std::function<double()> read,
                     Labels labels) {
  const std::lock_guard lock(mutex_);
  declare(std::move(name), std::move(help), Kind::gauge, std::move(labels)).read = std::move(read);
}

void Registry::counter(std::string name, std::string help, std::function<double()> read,
                       Labels labels) {
  const std::lock_guard lock(mutex_);
  declare(std::move(name), std::move(help), Kind::counter, std::move(labels)).read =
      std::move(read);
}

std::string Registry::prometheus() const {
  static constexpr const char* kKinds[] = {"counter", "gauge", "histogram"};
  const std::lock_guard lock(mutex_);
  std::string text;
  for (const auto& family : families_) {
    text += fmt::format("# HELP {} {}\n# TYPE {} {}\n", family->name, escaped(family->help, false),
                        family->name, kKinds[static_cast<std::size_t>(family->kind)]);
    for (const auto& series : family->series) {
      const std::string labels = label_text(series->labels);
      if (series->histogram) {
        render(*series->histogram, family->name, labels, text);
      } else if (series->counter) {
        text += fmt::format("{}{} {}\n", family->name, braced(labels), series->counter->value());
      } else if (series->gauge) {
        text += fmt::format("{}{} {}\n", family->name, braced(labels), series->gauge->value());
      } else {
        text += fmt::format("{}{} {}\n", family->name, braced(labels), number(series->read()));
      }
    }
  }
  return text;
}

}  // namespace sluice::metrics
