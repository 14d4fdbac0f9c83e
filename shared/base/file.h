#pragma once
// A small file of an operator's, such as a key, read as a whole.

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
  Buffer bytes(max_bytes + 1, '\0');
  errno = 0;
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (in.bad() || (!in.eof() && in.fail()) || errno == EISDIR) {
    return fail(Code::io, std::string("cannot be read: ") + std::strerror(errno));
  }
  bytes.resize(static_cast<std::size_t>(in.gcount()));
  if (bytes.size() <= max_bytes) return bytes;
  return fail(Code::too_large, "has more than " + std::to_string(max_bytes) + " bytes");
}

}  // namespace sluice
