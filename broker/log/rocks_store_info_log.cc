#include "broker/log/rocks_store_info_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include <fmt/format.h>

#include "shared/base/clock.h"

namespace sluice::broker {

InfoLog::~InfoLog() {
  if (file_ >= 0) ::close(file_);
}

void InfoLog::begin() {
  if (file_ >= 0) ::close(file_);
  (void)std::rename(path_.c_str(), (path_ + ".old").c_str());
  file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
  bytes_ = 0;
}

void InfoLog::Logv(const char* format, va_list arguments) {
  std::array<char, kMessageBytesMax> message;
  const int length = std::vsnprintf(message.data(), message.size(), format, arguments);
  if (length <= 0) return;
  const auto kept = std::min(static_cast<std::size_t>(length), message.size() - 1);
  const std::string line =
      fmt::format("{} {}\n", SystemClock().wall().unix_millis, std::string(message.data(), kept));
  const std::lock_guard lock(mutex_);
  if (file_ < 0 || bytes_ >= kBytesMax) begin();
  bytes_ += line.size();
  if (file_ >= 0 && ::write(file_, line.data(), line.size()) < 0) return;
}

}  // namespace sluice::broker
