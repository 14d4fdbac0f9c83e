#include "broker/ctl/print.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "shared/base/check.h"

namespace sluice::ctl {

namespace {

constexpr std::string_view kGap = "  ";
constexpr std::int64_t kLastMillis = 253'402'300'799'999;  // the end of the year 9999

bool is_number_or_dash(std::string_view cell) {
  if (cell == "-") return true;
  if (cell.starts_with('-')) cell.remove_prefix(1);
  return !cell.empty() && std::ranges::all_of(cell, [](char c) { return c >= '0' && c <= '9'; });
}

// One character of UTF-8: its code point and bytes; size 0 when the bytes are not UTF-8.
struct Character {
  char32_t code = 0;
  std::size_t size = 0;
};

Character first_character(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {lead, 1};
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
  if (size == 0 || lead > 0xf4 || text.size() < size) return {};
  char32_t code = lead & (0xffu >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xc0) != 0x80) return {};
    code = (code << 6) | (byte & 0x3f);
  }
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xd800 && code < 0xe000;
  if (code < kSmallest[size] || code > 0x10ffff || surrogate) return {};
  return {code, size};
}

bool is_wide(char32_t code) {
  return (code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xa4cf) ||
         (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) ||
         (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) ||
         (code >= 0xffe0 && code <= 0xffe6) || (code >= 0x1f300 && code <= 0x1faff) ||
         (code >= 0x20000 && code <= 0x3fffd);
}

// Control characters of ASCII, Latin-1 and the ones that turn the direction of text.
bool is_control(char32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x200e && code <= 0x200f) ||
         (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

}  // namespace

void Table::add(std::vector<std::string> row) {
  CHECK(row.size() == header_.size());
  rows_.push_back(std::move(row));
}

void Table::print(std::ostream& out) const {
  std::vector<std::size_t> widths;
  std::vector<bool> numbers;
  for (std::size_t column = 0; column < header_.size(); ++column) {
    std::size_t width = width_of(header_[column]);
    bool number = !rows_.empty();
    for (const auto& row : rows_) {
      width = std::max(width, width_of(row[column]));
      number = number && is_number_or_dash(row[column]);
    }
    widths.push_back(width);
    numbers.push_back(number);
  }
  const auto print_row = [&](const std::vector<std::string>& row) {
    std::string line;
    for (std::size_t column = 0; column < row.size(); ++column) {
      const std::string fill(widths[column] - width_of(row[column]), ' ');
      if (column > 0) line += kGap;
      line += numbers[column] ? fill + row[column] : row[column] + fill;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << "\n";
  };
  print_row(header_);
  for (const auto& row : rows_) print_row(row);
}

void Properties::add(std::string name, std::string value) {
  lines_.emplace_back(std::move(name), std::move(value));
}

void Properties::print(std::ostream& out) const {
  std::size_t width = 0;
  for (const auto& [name, value] : lines_) width = std::max(width, width_of(name));
  for (const auto& [name, value] : lines_) {
    out << name << std::string(width - width_of(name), ' ') << kGap << value << "\n";
  }
}

std::string time_text(std::int64_t unix_millis) {
  if (unix_millis < 0) return "-";
  // No calendar has it: a producer may write any number.
  if (unix_millis > kLastMillis) return fmt::format("@{}", unix_millis);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(unix_millis / 1000),
                     unix_millis % 1000);
}

std::string size_text(std::int64_t bytes) {
  constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  auto size = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; size >= 1024; ++unit) size /= 1024;
  return fmt::format("{:.1f} {}", size, kUnits[unit]);
}

std::string printable(ByteView bytes) {
  std::string text;
  while (!bytes.empty()) {
    const Character next = first_character(bytes);
    const std::size_t size = std::max<std::size_t>(next.size, 1);
    if (next.size == 0 || is_control(next.code) || next.code == '\\') {
      for (const char byte : bytes.substr(0, size)) {
        text += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
      }
    } else {
      text += bytes.substr(0, size);
    }
    bytes.remove_prefix(size);
  }
  return text;
}

std::size_t width_of(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const Character next = first_character(text);
    width += is_wide(next.code) ? 2 : 1;
    text.remove_prefix(std::max<std::size_t>(next.size, 1));
  }
  return width;
}

bool is_utf8(ByteView bytes) {
  while (!bytes.empty()) {
    const Character next = first_character(bytes);
    if (next.size == 0) return false;
    bytes.remove_prefix(next.size);
  }
  return true;
}

std::string or_dash(const std::optional<std::string>& text) {
  return text ? *text : "-";
}

}  // namespace sluice::ctl
