#include "shared/wire/decode.h"

namespace sluice::wire {

Result<void> Decode::finish(std::string_view message) const {
  std::string context = std::string(message) + " v" + std::to_string(version_);
  if (!from_.ok()) {
    context += ": " + path_ + ": " + std::string(from_.reason());
    return fail(Code::corrupt, std::move(context));
  }
  if (from_.remaining() > 0) {
    context += ": " + std::to_string(from_.remaining()) + " bytes are left over";
    return fail(Code::corrupt, std::move(context));
  }
  return {};
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
