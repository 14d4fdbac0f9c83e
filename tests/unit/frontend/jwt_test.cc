#include "frontend/jwt.h"

#include <doctest/doctest.h>

#include <array>

#include "shared/base/random.h"
#include "tests/unit/frontend/jwt_signer.h"

namespace sluice::frontend {

namespace {

constexpr WallTime kNow{1'700'000'000'000};
constexpr std::string_view kGood = R"({"sub":"ann","exp":1700000060})";

// "ok: ann", or what is wrong.
std::string told(std::string_view token, const JwtRules& rules, WallTime now = kNow) {
  const auto user = verify_jwt(token, rules, now);
  return user ? fmt::format("ok: {}", user->view()) : user.error().context;
}

// RFC 7515 appendix A.1: no `sub`, and it has expired in 2011.
constexpr std::string_view kRfc7515 =
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
// RFC 8037 appendix A.4: its payload is no JSON.
constexpr std::string_view kRfc8037 =
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

}  // namespace

TEST_CASE("base64url: RFC 4648 section 10, without padding, and nothing else") {
  constexpr std::array<std::array<std::string_view, 2>, 8> kRows{{{"", ""},
                                                                  {"f", "Zg"},
                                                                  {"fo", "Zm8"},
                                                                  {"foo", "Zm9v"},
                                                                  {"foob", "Zm9vYg"},
                                                                  {"fooba", "Zm9vYmE"},
                                                                  {"foobar", "Zm9vYmFy"},
                                                                  {"\xfb\xff\xbf", "-_-_"}}};
  for (const auto& [bytes, text] : kRows) {
    CHECK(base64url(bytes) == text);
    CHECK(from_base64url(text) == Buffer(bytes));
  }
  for (const std::string_view text :
       {"Z", "Zg==", "Zh", "Zm9", "Zm+v", "Zm/v", "Zm9 v", "Zm9v\n"}) {
    CAPTURE(text);
    CHECK(!from_base64url(text));
  }
  std::array<char, 2> small{};
  CHECK(decode_base64url("Zm8", small) == 2);
  CHECK(!decode_base64url("Zm9v", small));
}

TEST_CASE("the signatures of RFC 7515 A.1 and RFC 8037 A.4") {
  CHECK(told(kRfc7515, hs256_rules(), {1'300'819'379'000}) ==
        "sub must be a string of 1 to 128 bytes of text");
  CHECK(told(kRfc7515, hs256_rules()) == "it has expired");
  CHECK(told(kRfc8037, ed25519_rules()) == "its payload is not base64url of a JSON object");
  CHECK(told(kRfc7515, ed25519_rules()) == "there is no key for its alg");
  CHECK(told(kRfc8037, hs256_rules()) == "there is no key for its alg");
}

TEST_CASE("a good token of each kind, and of any of several keys") {
  JwtRules rules = ed25519_rules();
  rules.keys.push_back(key_of(JwtKey::hs256(std::string(32, 'a'))));
  rules.keys.push_back(key_of(JwtKey::hs256(jwt_secret())));
  CHECK(told(hs256_token(kGood), rules) == "ok: ann");
  CHECK(told(ed25519_token(kGood), rules) == "ok: ann");
  CHECK(told(hs256_token(R"({"exp":1700000060,"sub":"张三 \"Zhang\"","more":[{"a":null}]})"),
             rules) == "ok: 张三 \"Zhang\"");
}

TEST_CASE("a token that was not signed with a key of ours") {
  const std::string text = unsigned_token(kHs256Header, kGood);
  const std::string good = hs256_token(kGood);
  const std::string_view signature = std::string_view(good).substr(text.size() + 1);
  const std::string wrong = "its signature is of none of the keys";
  const std::string no_key = "there is no key for its alg";
  const std::string parts = "it is not three parts with dots between, in at most 8192 bytes";
  const std::string header = "its header is not base64url of a JSON object";
  struct Row {
    const char* what;
    std::string token;
    std::string says;
  };
  const Row rows[] = {
      {"none", unsigned_token(R"({"alg":"none"})", kGood) + ".", no_key},
      {"None", unsigned_token(R"({"alg":"None"})", kGood) + ".", no_key},
      {"none with a signature", hs256_token(kGood, R"({"alg":"none"})"), no_key},
      {"no alg", hs256_token(kGood, R"({"typ":"JWT"})"), no_key},
      {"alg of a wrong type", hs256_token(kGood, R"({"alg":["HS256"]})"), no_key},
      {"alg in small letters", hs256_token(kGood, R"({"alg":"hs256"})"), no_key},
      {"HS512", hs256_token(kGood, R"({"alg":"HS512"})"), no_key},
      {"RS256", hs256_token(kGood, R"({"alg":"RS256"})"), no_key},
      {"crit", hs256_token(kGood, R"({"alg":"HS256","crit":["exp"]})"), "its header has crit"},
      {"b64", hs256_token(kGood, R"({"alg":"HS256","b64":false,"crit":["b64"]})"),
       "its header has crit"},
      {"no signature", text + ".", wrong},
      {"two parts", text, parts},
      {"four parts", good + ".", parts},
      {"five parts of an encrypted token", "a.b.c.d.e", parts},
      {"nothing", "", parts},
      {"dots", "..", header},
      {"another secret", hs256_token(kGood, kHs256Header, std::string(32, 'x')), wrong},
      {"another payload",
       fmt::format("{}.{}", unsigned_token(kHs256Header, R"({"sub":"bob","exp":1700000060})"),
                   signature),
       wrong},
      {"cut signature", good.substr(0, good.size() - 4), wrong},
      {"signature with padding", good + "=", wrong},
      {"signature of Ed25519's size", fmt::format("{}.{}", text, std::string(86, 'A')), wrong},
      {"signature of no size", fmt::format("{}.{}", text, std::string(200, 'A')), wrong},
      {"header is a list", hs256_token(kGood, R"(["HS256"])"), header},
      {"header is no JSON", hs256_token(kGood, "HS256"), header},
      {"header is not base64url", "e30=." + good.substr(good.find('.') + 1), header},
      {"deep header", hs256_token(kGood, std::string(2000, '[')), header},
      {"too long", hs256_token(std::string(6'200, ' ') + std::string(kGood)), parts},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CHECK(told(row.token, hs256_rules()) == row.says);
  }
  CHECK(told(good, hs256_rules()) == "ok: ann");
}

TEST_CASE("a public key is no secret: its text signs nothing") {
  const std::string confused = hs256_token(kGood, kHs256Header, jwt_public_pem());
  CHECK(told(confused, ed25519_rules()) == "there is no key for its alg");
  CHECK(told(hs256_token(kGood, kEdDsaHeader, jwt_public_pem()), ed25519_rules()) ==
        "its signature is of none of the keys");
  CHECK(told(hs256_token(kGood, kEdDsaHeader), hs256_rules()) == "there is no key for its alg");
}

TEST_CASE("what a token claims") {
  struct Row {
    const char* payload;
    const char* says;
  };
  const Row rows[] = {
      {R"([])", "its payload is not base64url of a JSON object"},
      {R"({"sub":"ann","exp":1700000060}x)", "its payload is not base64url of a JSON object"},
      {R"({"sub":"ann"})", "exp is missing, or not a number"},
      {R"({"sub":"ann","exp":null})", "exp is missing, or not a number"},
      {R"({"sub":"ann","exp":"1700000060"})", "exp is missing, or not a number"},
      {R"({"sub":"ann","exp":true})", "exp is missing, or not a number"},
      {R"({"sub":"ann","exp":1700000000})", "it has expired"},
      {R"({"sub":"ann","exp":-1})", "it has expired"},
      {R"({"sub":"ann","exp":0})", "it has expired"},
      {R"({"sub":"ann","exp":1700000000.001})", "ok: ann"},
      {R"({"sub":"ann","exp":1.70000006e9})", "ok: ann"},
      {R"({"sub":"ann","exp":18446744073709551615})", "ok: ann"},
      {R"({"sub":"ann","exp":1e300})", "ok: ann"},
      {R"({"sub":"ann","exp":1700000060,"nbf":1700000000})", "ok: ann"},
      {R"({"sub":"ann","exp":1700000060,"nbf":1700000001})", "it is not valid yet"},
      {R"({"sub":"ann","exp":1700000060,"nbf":"soon"})", "nbf is not a number"},
      {R"({"sub":"ann","exp":1700000060,"nbf":null})", "nbf is not a number"},
      {R"({"exp":1700000060})", "sub must be a string of 1 to 128 bytes of text"},
      {R"({"sub":"","exp":1700000060})", "sub must be a string of 1 to 128 bytes of text"},
      {R"({"sub":7,"exp":1700000060})", "sub must be a string of 1 to 128 bytes of text"},
      {R"({"sub":"a\nb","exp":1700000060})", "sub must be a string of 1 to 128 bytes of text"},
      {R"({"sub":"a\u0000","exp":1700000060})", "sub must be a string of 1 to 128 bytes of text"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.payload);
    CHECK(told(hs256_token(row.payload), hs256_rules()) == row.says);
    CHECK(told(ed25519_token(row.payload), ed25519_rules()) == row.says);
  }
  const auto named = [](std::size_t size) {
    return hs256_token(fmt::format(R"({{"sub":"{}","exp":1700000060}})", std::string(size, 'x')));
  };
  CHECK(told(named(128), hs256_rules()) == "ok: " + std::string(128, 'x'));
  CHECK(told(named(129), hs256_rules()) == "sub must be a string of 1 to 128 bytes of text");
}

TEST_CASE("a clock that is off by the leeway is right enough") {
  JwtRules rules = hs256_rules();
  rules.leeway = Millis(5'000);
  const std::string ends = hs256_token(R"({"sub":"ann","exp":1700000000})");
  CHECK(told(ends, rules, {1'700'000'004'999}) == "ok: ann");
  CHECK(told(ends, rules, {1'700'000'005'000}) == "it has expired");
  const std::string begins = hs256_token(R"({"sub":"ann","exp":1700000060,"nbf":1700000005})");
  CHECK(told(begins, rules, {1'700'000'000'000}) == "ok: ann");
  CHECK(told(begins, rules, {1'699'999'999'999}) == "it is not valid yet");
}

TEST_CASE("issuer and audience") {
  const auto token = [](std::string_view more) {
    return hs256_token(fmt::format(R"({{"sub":"ann","exp":1700000060{}}})", more));
  };
  JwtRules rules = hs256_rules();
  CHECK(told(token(R"(,"iss":"anybody")"), rules) == "ok: ann");
  // RFC 7519 section 4.1.3: who does not find himself in it must refuse.
  CHECK(told(token(R"(,"aud":"shop")"), rules) == "aud does not name this service");
  rules.issuer = "https://id.example";
  const std::string stranger = "iss is not the issuer that this service trusts";
  CHECK(told(token(R"(,"iss":"https://id.example")"), rules) == "ok: ann");
  CHECK(told(token(R"(,"iss":"https://id.example/")"), rules) == stranger);
  CHECK(told(token(R"(,"iss":["https://id.example"])"), rules) == stranger);
  CHECK(told(token(""), rules) == stranger);
  rules.issuer.clear();
  rules.audience = "shop";
  const std::string elsewhere = "aud does not name this service";
  CHECK(told(token(R"(,"aud":"shop")"), rules) == "ok: ann");
  CHECK(told(token(R"(,"aud":["bank","shop"])"), rules) == "ok: ann");
  CHECK(told(token(R"(,"aud":["bank",7])"), rules) == elsewhere);
  CHECK(told(token(R"(,"aud":"shopping")"), rules) == elsewhere);
  CHECK(told(token(R"(,"aud":[])"), rules) == elsewhere);
  CHECK(told(token(""), rules) == elsewhere);
}

TEST_CASE("whom a token claims to be about is read without its signature") {
  CHECK(claimed_user(hs256_token(kGood)).view() == "ann");
  CHECK(claimed_user(unsigned_token("what", R"({"sub":"bob"})") + ".").view() == "bob");
  for (const std::string& token :
       {std::string(), std::string("a.b"), unsigned_token("{}", "{}") + ".",
        unsigned_token("{}", R"({"sub":{}})") + ".", unsigned_token("{}", "[]") + ".",
        unsigned_token("{}", R"({"sub":"ann")") + "."}) {
    CAPTURE(token);
    CHECK(claimed_user(token).empty());
  }
}

TEST_CASE("keys that are none") {
  const auto told_of = [](const Result<JwtKey>& key) {
    return key ? std::string() : key.error().context;
  };
  CHECK(told_of(JwtKey::hs256(std::string(32, 'k'))) == "");
  CHECK(told_of(JwtKey::hs256(std::string(31, 'k'))) == "has 31 bytes; HS256 needs 32 or more");
  CHECK(told_of(JwtKey::hs256("")) == "has 0 bytes; HS256 needs 32 or more");
  CHECK(told_of(JwtKey::ed25519("")) == "is no public key in PEM");
  CHECK(told_of(JwtKey::ed25519(jwt_public_pem().substr(40))) == "is no public key in PEM");
  // openssl ecparam -name prime256v1 -genkey | openssl ec -pubout
  constexpr const char* kP256 =
      "-----BEGIN PUBLIC KEY-----\n"
      "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEtIBvg6NgJ+rent0MmD0DTvHc8AFb\n"
      "92Ua7zpOo7OIPn5Hopqxt393maOC9MHwdVDD4gumfhn5PEOF+YrvPh4D7Q==\n"
      "-----END PUBLIC KEY-----\n";
  CHECK(told_of(JwtKey::ed25519(kP256)) == "is a public key, but none of Ed25519");
}

namespace {

// Another text, by a few of the changes that somebody who plays with a token makes.
std::string mutated(std::string text, Random& random) {
  static constexpr std::string_view kBytes =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ {}\"";
  for (std::uint64_t changes = 1 + random.below(3); changes > 0; --changes) {
    const std::size_t at = random.below(text.size() + 1);
    const char byte = kBytes[random.below(kBytes.size())];
    switch (random.below(6)) {
      case 0:
        if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << random.below(8)));
        break;
      case 1:
        if (at < text.size()) text[at] = byte;
        break;
      case 2:
        text.insert(at, 1, byte);
        break;
      case 3:
        text.erase(at, random.below(4));
        break;
      case 4:
        text.resize(at);
        break;
      default:
        text += text.substr(at, random.below(20));
        break;
    }
  }
  return text;
}

}  // namespace

TEST_CASE("no other text than the signed one is taken, over a million of them") {
  SeededRandom random(20'261'126);
  const auto try_all = [&](const std::string& good, const JwtRules& rules, int tries) {
    REQUIRE(told(good, rules) == "ok: ann");
    for (int i = 0; i < tries; ++i) {
      const std::string other = mutated(good, random);
      const bool taken = verify_jwt(other, rules, kNow).has_value();
      if (taken != (other == good)) FAIL_CHECK("taken: ", other);
      if (i % 8 == 0) claimed_user(other);
    }
  };
  try_all(hs256_token(kGood), hs256_rules(), 1'000'000);
  try_all(ed25519_token(kGood), ed25519_rules(), 50'000);
}

TEST_CASE("signed payloads of any text give a user that can stand in a record, or an error") {
  SeededRandom random(15);
  int taken = 0;
  for (int i = 0; i < 200'000; ++i) {
    const std::string payload = mutated(std::string(kGood), random);
    const auto user = verify_jwt(hs256_token(payload), hs256_rules(), kNow);
    if (!user) continue;
    ++taken;
    if (user->empty() || UserName(user->view()).view() != user->view()) {
      FAIL_CHECK("taken: ", payload);
    }
  }
  CHECK(taken > 1'000);  // the text is mutated, not ruined
}

}  // namespace sluice::frontend
