#include "broker/ctl/print.h"

#include <doctest/doctest.h>

#include <limits>
#include <sstream>

#include "shared/base/base64.h"

namespace sluice::ctl {

TEST_CASE("a table is aligned, numbers to the right, wide characters counted") {
  Table table({"NAME", "COUNT", "NOTE"});
  table.add({"a", "1", ""});
  table.add({"手机", "1000", "x"});
  table.add({"b", "-", "12a"});
  std::ostringstream out;
  table.print(out);
  CHECK(out.str() ==
        "NAME  COUNT  NOTE\n"
        "a         1\n"
        "手机   1000  x\n"
        "b         -  12a\n");
}

TEST_CASE("an empty table is its header") {
  std::ostringstream out;
  Table({"A", "B"}).print(out);
  CHECK(out.str() == "A  B\n");
}

TEST_CASE("properties") {
  Properties properties;
  properties.add("id", "7");
  properties.add("longer", "8");
  std::ostringstream out;
  properties.print(out);
  CHECK(out.str() == "id      7\nlonger  8\n");
}

TEST_CASE("times are UTC with milliseconds") {
  CHECK(time_text(0) == "1970-01-01T00:00:00.000Z");
  CHECK(time_text(1'700'000'000'007) == "2023-11-14T22:13:20.007Z");
  CHECK(time_text(-1) == "-");
  CHECK(time_text(253'402'300'799'999) == "9999-12-31T23:59:59.999Z");
  CHECK(time_text(253'402'300'800'000) == "@253402300800000");
  CHECK(time_text(std::numeric_limits<std::int64_t>::max()) == "@9223372036854775807");
}

TEST_CASE("bytes that would upset a terminal are escaped") {
  CHECK(printable("plain 手机") == "plain 手机");
  CHECK(printable("a\x1b[31m\n\\") == "a\\x1b[31m\\x0a\\x5c");
  CHECK(printable("\xff\xc3") == "\\xff\\xc3");
  CHECK(printable("\xc2\x9b") == "\\xc2\\x9b");           // CSI as one C1 character
  CHECK(printable("\xe2\x80\xae") == "\\xe2\\x80\\xae");  // right-to-left override
  CHECK(printable("\xed\xa0\x80") == "\\xed\\xa0\\x80");  // a surrogate
  CHECK(printable("\xc0\x80") == "\\xc0\\x80");           // overlong
  CHECK(printable(std::string_view("\0", 1)) == "\\x00");
}

TEST_CASE("UTF-8 and base64") {
  CHECK(is_utf8(""));
  CHECK(is_utf8("手"));
  CHECK(!is_utf8("\xe6\x89"));
  CHECK(base64("") == "");
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foobar") == "Zm9vYmFy");
  for (const std::string_view bytes : {"", "f", "fo", "foobar", "\xff\x01\x80\xfe"}) {
    CHECK(from_base64(base64(bytes)) == bytes);
  }
  for (const char* bad : {"Z", "Zg", "Zg=", "Zh==", "Zm9*", "Zg==Zg==", "=", " Zg=="}) {
    CHECK_FALSE(from_base64(bad));
  }
}

}  // namespace sluice::ctl
