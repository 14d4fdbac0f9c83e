#include "frontend/form.h"

#include <doctest/doctest.h>

namespace sluice::frontend {

TEST_CASE("fields of a form") {
  const ByteView body = "quantity=2&buyer=J%C3%B6rg+%26+Co&empty=&bare&quantity=3&bad=%zz&a=b=c";
  CHECK(form_value(body, "quantity") == "2");
  CHECK(form_value(body, "buyer") == "J\xc3\xb6rg & Co");
  CHECK(form_value(body, "empty") == "");
  CHECK(form_value(body, "bare") == "");
  CHECK(form_value(body, "a") == "b=c");
  CHECK(form_value(body, "bad") == std::nullopt);
  CHECK(form_value(body, "quant") == std::nullopt);
  CHECK(form_value("", "quantity") == std::nullopt);
  CHECK(form_value("&&=x&", "quantity") == std::nullopt);
}

TEST_CASE("what is a form") {
  const auto typed = [](ByteView type) {
    http::Request request;
    request.header_array[request.header_count++] = {"Content-Type", type};
    return is_form(request);
  };
  CHECK(typed("application/x-www-form-urlencoded"));
  CHECK(typed("Application/X-WWW-Form-Urlencoded ; charset=UTF-8"));
  CHECK(!typed("application/json"));
  CHECK(!typed("multipart/form-data; boundary=x"));
  CHECK(!is_form(http::Request()));
}

TEST_CASE("escaped for a URL or a cookie, and back") {
  const ByteView text = "\xe5\xbc\xa0 a-z.A_9~;=\"%&+/\\,";
  const std::string encoded = percent_encode(text);
  CHECK(encoded == "%E5%BC%A0%20a-z.A_9~%3B%3D%22%25%26%2B%2F%5C%2C");
  CHECK(http::percent_decode(encoded) == text);
}

}  // namespace sluice::frontend
