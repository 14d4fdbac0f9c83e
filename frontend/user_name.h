#pragma once
// UserName: a user as it stands in a record, in memory of its own, so that the answers that are
// wanted fast allocate nothing for it.

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "frontend/request_fields.h"
#include "shared/ledger/event.h"

namespace sluice::frontend {

class UserName {
 public:
  // Nobody.
  UserName() = default;
  // Nobody, too, for what cannot be a user.
  explicit UserName(std::string_view text) {
    if (!is_text(text, ledger::kMaxUserBytes)) return;
    std::ranges::copy(text, bytes_.begin());
    size_ = static_cast<std::uint8_t>(text.size());
  }

  bool empty() const { return size_ == 0; }
  std::string_view view() const { return {bytes_.data(), size_}; }

 private:
  static_assert(ledger::kMaxUserBytes <= 255);
  std::array<char, ledger::kMaxUserBytes> bytes_;
  std::uint8_t size_ = 0;
};

}  // namespace sluice::frontend
