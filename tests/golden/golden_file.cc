#include "tests/golden/golden_file.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace sluice {

namespace {

std::string path_of(const std::string& name) {
  const char* directory = std::getenv("SLUICE_GOLDEN_DIR");
  return std::string(directory != nullptr ? directory : ".") + "/" + name;
}

}  // namespace

bool accepting_golden() {
  const char* accept = std::getenv("SLUICE_TEST_ACCEPT");
  return accept != nullptr && std::string_view(accept) == "1";
}

Buffer read_golden(const std::string& name) {
  std::ifstream file(path_of(name), std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

void write_golden(const std::string& name, ByteView content) {
  std::ofstream(path_of(name), std::ios::binary) << content;
}

}  // namespace sluice
