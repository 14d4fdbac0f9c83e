#include "frontend/web_files.h"

#include "shared/base/check.h"

namespace sluice::frontend {

std::string_view web_file(std::string_view name) {
  for (const WebFile& file : web_files()) {
    if (file.name == name) return file.bytes;
  }
  CHECK(false && "no such file in frontend/web/");
  return {};
}

}  // namespace sluice::frontend
