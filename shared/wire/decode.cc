#include "shared/wire/decode.h"

namespace sluice::wire {

Result<void> Decode::finish(std::string_view message) const {
  if (from_.ok()) return {};
  return fail(Code::corrupt, std::string(message) + " v" + std::to_string(version_) + ": " + path_ +
                                 ": " + std::string(from_.reason()));
}

void Decode::at_field(std::string_view name) {
  if (!path_.empty() && path_.front() != '[') path_.insert(0, 1, '.');
  path_.insert(0, name);
}

void Decode::at_index(std::size_t index) {
  std::string text = "[" + std::to_string(index) + "]";
  if (!path_.empty() && path_.front() != '[') text += '.';
  path_.insert(0, text);
}

}  // namespace sluice::wire
