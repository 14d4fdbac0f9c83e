#include "shared/http/outbox.h"

namespace sluice::http {

void Outbox::add(Response answer, ByteView date, Persistence persistence, bool head_only) {
  append_head(text_, answer, date, persistence);
  if (head_only || !answer.may_have_body()) return;
  if (answer.body.size() < kLargeBody) {
    text_.append(answer.body);
    return;
  }
  large_bytes_ += answer.body.size();
  large_.push_back({text_.size(), std::move(answer.body)});
}

std::span<const ByteView> Outbox::parts() {
  parts_.clear();
  std::size_t at = 0;
  for (const auto& large : large_) {
    parts_.push_back(ByteView(text_).substr(at, large.at - at));
    parts_.emplace_back(large.body);
    at = large.at;
  }
  if (at < text_.size()) parts_.push_back(ByteView(text_).substr(at));
  return parts_;
}

void Outbox::clear() {
  if (text_.capacity() > kKeptBytes) {
    text_ = Buffer();
  } else {
    text_.clear();
  }
  large_.clear();
  large_bytes_ = 0;
}

}  // namespace sluice::http
