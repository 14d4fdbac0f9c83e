#pragma once
// WaitingLine: who may order next in a sale that lets its buyers in at a rate. Nothing is kept of
// anybody who waits. Each has a number, and two facts tell the rest: how many of the numbers came
// before the start, which are shuffled among themselves, and since when so many a second have been
// called. Numbers are called by time alone, so nobody who went away holds up anybody.
//
// What has to outlive the process is a LineRecord. It says below what the numbers given out are;
// a crash skips those that were not used: about a second's worth of calls, or what comes in some
// tenths of a second when more do. A line that is short needs no record for its numbers: the next
// process begins behind what is called within a second of its start.
//
// Pure, except that it remembers the next number; one owner. Times are Unix milliseconds.

#include <cstdint>
#include <optional>

#include "frontend/line_record.h"
#include "frontend/shuffle.h"
#include "shared/base/clock.h"

namespace sluice::frontend {

class WaitingLine {
 public:
  // How long somebody who was called may order, before he has to queue again.
  static constexpr Millis kCalledFor{600'000};

  // As it goes on from what was durable. A new line has no more than a secret and its rate.
  WaitingLine(LineRecord durable, std::int64_t now);

  const LineRecord& durable() const { return durable_; }
  bool started() const { return durable_.shuffled >= 0; }

  // Whether there is a number for somebody who comes now; if not, only after the record that is
  // due then.
  bool has_number(std::int64_t now);
  // That number.
  std::optional<std::int64_t> take(std::int64_t now);

  struct Place {
    enum class State : unsigned char {
      waiting,
      called,  // may order
      over,    // was called, and did not come within kCalledFor
    };
    State state = State::waiting;
    // Both known from the start on, and exact: the n-th to be called, in so many milliseconds.
    std::optional<std::int64_t> position;
    std::optional<std::int64_t> wait_ms;
  };
  // Of a number that take() gave, to this process or to one before.
  Place place(std::int64_t number, std::int64_t now) const;

  // The record that has to become durable now, if any; to be asked some ten times a second.
  // `starts`: the sale's start has come.
  std::optional<LineRecord> due(std::int64_t now, bool starts, std::int64_t rate);
  // It is durable.
  void confirm(LineRecord record);

 private:
  std::int64_t called_at(std::int64_t now) const;
  std::int64_t time_of_call(std::int64_t place) const;
  std::int64_t free_until(std::int64_t now) const;

  LineRecord durable_;
  Shuffle shuffle_;
  std::int64_t next_;        // the number that was not given out
  std::int64_t taken_ = 0;   // since due() was asked
  std::int64_t demand_ = 0;  // taken between two such questions, lately
  bool starved_ = false;     // somebody was turned away since the last record
  bool repacing_ = false;    // the record that is due has another rate
};

}  // namespace sluice::frontend
