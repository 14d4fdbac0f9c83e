#include "frontend/request_fields.h"

#include <doctest/doctest.h>

namespace sluice::frontend {

TEST_CASE("entity tags in a list") {
  struct Row {
    const char* list;
    bool weakly;
    bool strongly;
  };
  const Row rows[] = {
      {"\"7\"", true, true},
      {"W/\"7\"", true, false},
      {"\"6\", \"7\"", true, true},
      {"\"6\",W/\"7\" ", true, false},
      {"*", true, true},
      {" * ", true, true},
      {"\"6\"", false, false},
      {"7", false, false},
      {"", false, false},
      {",", false, false},
      {"\"7", false, false},
      {"\"77\"", false, false},
      {"W/ \"7\"", false, false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.list);
    CHECK(lists_tag(row.list, "\"7\"") == row.weakly);
    CHECK(lists_strong_tag(row.list, "\"7\"") == row.strongly);
  }
}

}  // namespace sluice::frontend
