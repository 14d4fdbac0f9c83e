#pragma once
// A folder of its own for a test, gone with the object.

#include <cstdlib>
#include <filesystem>
#include <string>

#include "shared/base/check.h"

namespace sluice::tests {

class TempDir {
 public:
  TempDir() : path_((std::filesystem::temp_directory_path() / "sluice-XXXXXX").string()) {
    CHECK(::mkdtemp(path_.data()) != nullptr);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace sluice::tests
