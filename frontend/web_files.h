#pragma once
// The files of frontend/web/, as frontend/web/embed.py puts them into the program. Immutable, so
// any thread may read them.

#include <span>
#include <string_view>

namespace sluice::frontend {

struct WebFile {
  std::string_view name;  // without a folder: "sale.css"
  std::string_view bytes;
};

std::span<const WebFile> web_files();

// The bytes of the file. REQUIRES: there is one of that name.
std::string_view web_file(std::string_view name);

// Another string whenever one of the files is another: it names them in URLs that never expire.
std::string_view web_files_version();

}  // namespace sluice::frontend
