// The files of conf/ are what the programs print with --sample-config. Each program's folder has
// its own Options, hence the three names.

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "broker/options.h"
#include "frontend/options.h"
#include "worker/options.h"

using namespace sluice;

namespace {

std::string file_text(const std::string& name) {
  std::ifstream file(std::string(SLUICE_CONF) + "/" + name);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

template <class Options>
void check_same(const std::string& name, config::Schema (*describe)(Options&)) {
  CAPTURE(name);
  Options options;
  config::Schema schema = describe(options);
  CHECK_MESSAGE(file_text(name) == schema.sample(), "print it anew: ", schema.program(),
                " --sample-config > conf/", name);
  const auto loaded = schema.load(std::string(SLUICE_CONF) + "/" + name);
  CHECK_MESSAGE(loaded.has_value(), (loaded ? "" : loaded.error().context));
  CHECK(schema.check().has_value());
}

}  // namespace

TEST_CASE("every sample file has the options that the program has") {
  check_same("broker.yaml", broker::describe);
  check_same("frontend.yaml", frontend::describe);
  check_same("worker.yaml", worker::describe);
}
