#pragma once
// The files of frontend/web/ and frontend/openapi/, as frontend/web/embed.py puts them into the
// program; of texts like en.json also the module en.js. Immutable, so any thread may read them.

#include <span>
#include <string_view>

namespace sluice::frontend {

struct WebFile {
  std::string_view name;  // without a folder: "page.css"
  std::string_view bytes;
  std::string_view gzip;  // the same compressed; empty for what browsers do not get as it is
};

std::span<const WebFile> web_files();

// The bytes of the file. REQUIRES: there is one of that name.
std::string_view web_file(std::string_view name);

// Another string whenever one of the files is another: it names them in URLs that never expire.
std::string_view web_files_version();

}  // namespace sluice::frontend
