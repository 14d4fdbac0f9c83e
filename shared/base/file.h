#pragma once
// A file of an operator's, such as a key, read as a whole.

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <string>

#include "shared/base/bytes.h"
#include "shared/base/result.h"

namespace sluice {

// Errors tell what is wrong with the file, without its name: callers know what it is for.
inline Result<Buffer> read_file(const std::string& path, std::size_t max_bytes) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(Code::io, std::string("cannot be opened: ") + std::strerror(errno));
  Buffer bytes;
  std::array<char, 16 << 10> part;
  while (in && bytes.size() <= max_bytes) {
    errno = 0;
    in.read(part.data(), part.size());
    // A directory opens, and says what it is when it is read.
    if (in.bad() || errno != 0) {
      return fail(Code::io, std::string("cannot be read: ") + std::strerror(errno));
    }
    bytes.append(part.data(), static_cast<std::size_t>(in.gcount()));
  }
  if (bytes.size() <= max_bytes) return bytes;
  return fail(Code::too_large, "has more than " + std::to_string(max_bytes) + " bytes");
}

// Editors end a file with a line end, which is no part of a secret.
inline std::string without_line_end(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

}  // namespace sluice
