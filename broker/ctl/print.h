#pragma once
// How values look to people: tables, times, bytes that may be hostile to a terminal.

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/bytes.h"

namespace sluice::ctl {

// Rows of text under a header, columns as wide as their widest cell; a column whose cells are all
// numbers (or "-") is aligned to the right. Holds all rows, so not for streams.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : header_(std::move(header)) {}

  // REQUIRES: as many cells as the header has.
  void add(std::vector<std::string> row);
  void print(std::ostream& out) const;

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;
};

// "name   value" lines.
class Properties {
 public:
  void add(std::string name, std::string value);
  void print(std::ostream& out) const;

 private:
  std::vector<std::pair<std::string, std::string>> lines_;
};

// ISO 8601 in UTC with milliseconds; "-" below 0, "@" and the number after the year 9999.
std::string time_text(std::int64_t unix_millis);

// "512 B", "1.5 GiB".
std::string size_text(std::int64_t bytes);

// The bytes with control characters, backslashes and what is not UTF-8 as \xNN.
std::string printable(ByteView bytes);

// How many columns a terminal gives to UTF-8 text: wide (CJK) characters take two.
std::size_t width_of(std::string_view text);

bool is_utf8(ByteView bytes);

// "-" for nothing.
std::string or_dash(const std::optional<std::string>& text);

}  // namespace sluice::ctl
