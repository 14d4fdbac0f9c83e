#pragma once
// Lists of users that an operator keeps in files of one directory, one user a line:
//
//   blocked            may buy in no sale
//   <sale>.allowed     only they may buy in that sale; without the file everybody may
//
// Lines that are empty or begin with # are remarks. A file of any other name is an error, so that a
// slip of the pen opens no sale; hidden ones are left alone.

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include <boost/unordered/unordered_flat_set.hpp>

#include "shared/base/bytes.h"
#include "shared/base/result.h"

namespace sluice::frontend {

// Of a file: some three million users. In memory a list takes its file and 20 to 40 bytes a user.
inline constexpr std::size_t kMaxListBytes = 64 << 20;

// The users of one file. Immutable; any thread.
class UserSet {
 public:
  // An error names the line.
  static Result<UserSet> read(Buffer text);

  bool contains(std::string_view user) const { return users_.contains(user); }
  std::size_t size() const { return users_.size(); }

 private:
  std::unique_ptr<const Buffer> text_;
  boost::unordered_flat_set<std::string_view> users_;  // they live in text_
};

// All files of the directory, as they were at one time. Immutable; any thread.
struct UserLists {
  // The error names the file.
  static Result<UserLists> read(const std::string& directory);

  bool is_blocked(std::string_view user) const { return blocked.contains(user); }
  bool is_allowed(std::string_view sale, std::string_view user) const;

  UserSet blocked;
  std::map<std::string, UserSet, std::less<>> allowed;  // by sale
};

// The lists that are in force. Any thread.
class CurrentUserLists {
 public:
  // Empty: there are none, and everybody may buy.
  explicit CurrentUserLists(std::string directory) : directory_(std::move(directory)) {}

  // Reads them anew; what was in force stays so if that fails.
  Result<void> reload();

  // Never null.
  std::shared_ptr<const UserLists> get() const;

 private:
  const std::string directory_;
  mutable std::mutex mutex_;  // held for the copy of a pointer
  std::shared_ptr<const UserLists> lists_ = std::make_shared<const UserLists>();  // guarded
};

}  // namespace sluice::frontend
