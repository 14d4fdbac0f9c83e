#include "frontend/time_text.h"

#include <chrono>

#include <fmt/format.h>

namespace sluice::frontend {
namespace {

namespace chrono = std::chrono;

// Takes parts off the front of a text; after the first mismatch everything fails.
class Parts {
 public:
  explicit Parts(std::string_view text) : rest_(text) {}

  int digits(std::size_t count) {
    int value = 0;
    if (rest_.size() < count) ok_ = false;
    for (std::size_t i = 0; i < count && ok_; ++i) {
      const char digit = rest_.front();
      ok_ = digit >= '0' && digit <= '9';
      value = value * 10 + (digit - '0');
      rest_.remove_prefix(1);
    }
    return value;
  }
  void literal(std::string_view any_of) { ok_ = take(any_of) && ok_; }
  bool take(std::string_view any_of) {
    if (rest_.empty() || any_of.find(rest_.front()) == std::string_view::npos) return false;
    taken_ = rest_.front();
    rest_.remove_prefix(1);
    return true;
  }
  // ".5", ".123456": up to the millisecond, the rest is dropped.
  int fraction_millis() {
    if (!take(".")) return 0;
    int millis = 0;
    int scale = 100;
    if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') ok_ = false;
    while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9') {
      millis += (rest_.front() - '0') * scale;
      scale /= 10;
      rest_.remove_prefix(1);
    }
    return millis;
  }
  char taken() const { return taken_; }
  bool finished() const { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  char taken_ = 0;
  bool ok_ = true;
};

}  // namespace

Result<WallTime> parse_rfc3339(std::string_view text) {
  Parts parts(text);
  const int y = parts.digits(4);
  parts.literal("-");
  const int mo = parts.digits(2);
  parts.literal("-");
  const int d = parts.digits(2);
  parts.literal("Tt ");
  const int h = parts.digits(2);
  parts.literal(":");
  const int mi = parts.digits(2);
  parts.literal(":");
  const int s = parts.digits(2);
  const int ms = parts.fraction_millis();
  chrono::minutes offset{0};
  bool offset_ok = true;
  if (!parts.take("Zz")) {
    parts.literal("+-");
    const int sign = parts.taken() == '-' ? -1 : 1;
    const int hours_off = parts.digits(2);
    parts.literal(":");
    const int minutes_off = parts.digits(2);
    offset_ok = hours_off <= 23 && minutes_off <= 59;
    offset = chrono::minutes(sign * (hours_off * 60 + minutes_off));
  }
  const chrono::year_month_day date{chrono::year(y), chrono::month(static_cast<unsigned>(mo)),
                                    chrono::day(static_cast<unsigned>(d))};
  if (!parts.finished() || !date.ok() || h > 23 || mi > 59 || s > 59 || !offset_ok) {
    return fail(Code::invalid,
                fmt::format("\"{}\" is no time like 2026-11-11T00:00:00Z or ...+08:00", text));
  }
  const chrono::sys_time<Millis> time = chrono::sys_days(date) + chrono::hours(h) +
                                        chrono::minutes(mi) + chrono::seconds(s) + Millis(ms) -
                                        offset;
  return WallTime{time.time_since_epoch().count()};
}

}  // namespace sluice::frontend
