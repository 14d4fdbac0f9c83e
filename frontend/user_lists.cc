#include "frontend/user_lists.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "frontend/request_fields.h"
#include "shared/base/file.h"
#include "shared/ledger/event.h"

namespace sluice::frontend {
namespace {

constexpr std::string_view kBlocked = "blocked";
constexpr std::string_view kAllowed = ".allowed";

// Takes the next line off the text.
std::string_view next_line(std::string_view& rest) {
  std::string_view line = rest.substr(0, rest.find('\n'));
  rest.remove_prefix(std::min(line.size() + 1, rest.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// The sale of an allow list's file name; empty for any other name.
std::string_view sale_of(std::string_view name) {
  if (!name.ends_with(kAllowed)) return {};
  name.remove_suffix(kAllowed.size());
  return ledger::is_sale_id(name) ? name : std::string_view();
}

Result<void> read_into(UserLists& lists, const std::string& name, const std::string& path) {
  const std::string_view sale = sale_of(name);
  if (name != kBlocked && sale.empty()) {
    return fail(Code::invalid, "is no list: one is named blocked or <sale>.allowed");
  }
  TRY(text, read_file(path, kMaxListBytes));
  TRY(users, UserSet::read(std::move(text)));
  if (sale.empty()) {
    lists.blocked = std::move(users);
  } else {
    lists.allowed.insert_or_assign(std::string(sale), std::move(users));
  }
  return {};
}

}  // namespace

Result<UserSet> UserSet::read(Buffer text) {
  UserSet set;
  set.text_ = std::make_unique<const Buffer>(std::move(text));
  std::string_view rest = *set.text_;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const std::string_view line = next_line(rest);
    if (line.empty() || line.starts_with('#')) continue;
    if (!is_text(line, ledger::kMaxUserBytes)) {
      return fail(Code::invalid, fmt::format("line {}: a user is 1 to {} bytes of UTF-8 text",
                                             number, ledger::kMaxUserBytes));
    }
    set.users_.insert(line);
  }
  return set;
}

Result<UserLists> UserLists::read(const std::string& directory) {
  UserLists lists;
  std::error_code error;
  for (std::filesystem::directory_iterator at(directory, error), end; !error && at != end;
       at.increment(error)) {
    const std::string path = at->path().string();
    const std::string name = at->path().filename().string();
    if (name.starts_with('.')) continue;
    auto read = read_into(lists, name, path);
    if (!read) {
      return fail(read.error().code, fmt::format("user_lists: {}: {}", path, read.error().context));
    }
  }
  if (!error) return lists;
  return fail(Code::io, fmt::format("user_lists: {}: {}", directory, error.message()));
}

bool UserLists::is_allowed(std::string_view sale, std::string_view user) const {
  const auto list = allowed.find(sale);
  return list == allowed.end() || list->second.contains(user);
}

Result<void> CurrentUserLists::reload() {
  if (directory_.empty()) return {};
  TRY(lists, UserLists::read(directory_));
  auto next = std::make_shared<const UserLists>(std::move(lists));
  const std::lock_guard lock(mutex_);
  lists_ = std::move(next);
  return {};
}

std::shared_ptr<const UserLists> CurrentUserLists::get() const {
  const std::lock_guard lock(mutex_);
  return lists_;
}

}  // namespace sluice::frontend
