// What must hold for every message of every version, on random values.

#include <doctest/doctest.h>

#include "shared/wire/codec.h"
#include "shared/wire/messages/all.h"
#include "tests/unit/wire/arbitrary.h"

namespace sluice::wire {

namespace {

constexpr int kRounds = 6;

// check.operator()<M>(message, version) on random messages of every version.
template <class Check>
struct OnRandomMessages {
  Check check;

  template <class M>
  void operator()() const {
    CAPTURE(M::name);
    for (std::int16_t version = M::min_version; version <= M::max_version; ++version) {
      CAPTURE(version);
      SeededRandom random(static_cast<std::uint64_t>(version) + 1);
      for (int round = 0; round < kRounds; ++round) {
        Arbitrary arbitrary(random, version);
        M message;
        arbitrary.structure(message);
        check(message, version);
      }
    }
  }
};

template <class Check>
void on_random_messages(Check check) {
  AllMessages::for_each(OnRandomMessages<Check>{check});
}

}  // namespace

TEST_CASE("decode gives back what encode was given") {
  on_random_messages([]<class M>(const M& message, std::int16_t version) {
    const Buffer body = encode(message, version);
    const Result<M> decoded = decode<M>(body, version);
    if (!decoded) FAIL(decoded.error().context);
    REQUIRE_EQ(print(*decoded, version), print(message, version));
    REQUIRE((encode(*decoded, version) == body));
    REQUIRE_EQ(encoded_size(message, version), body.size());
  });
}

TEST_CASE("no message can be cut short, and what follows it is ignored") {
  on_random_messages([]<class M>(const M& message, std::int16_t version) {
    const Buffer body = encode(message, version);
    const std::size_t step = body.size() / 40 + 1;
    for (std::size_t size = 0; size < body.size(); size += step) {
      // A heap copy of exact size, so that the sanitizer sees a read beyond it.
      const std::vector<char> cut(body.begin(), body.begin() + static_cast<std::ptrdiff_t>(size));
      const auto decoded = decode<M>(ByteView(cut.data(), cut.size()), version);
      REQUIRE_FALSE(decoded);
      REQUIRE_EQ(decoded.error().code, Code::corrupt);
    }
    const Buffer longer = body + '\0';  // records are views into it
    const auto followed = decode<M>(longer, version);
    REQUIRE(followed);
    REQUIRE_EQ(encode(*followed, version), body);
  });
}

TEST_CASE("damaged bytes never do more harm than a wrong value or an error") {
  SeededRandom damage(7);
  on_random_messages([&damage]<class M>(const M& message, std::int16_t version) {
    Buffer body = encode(message, version);
    if (body.empty()) return;
    for (int i = 0; i < 8; ++i) {
      body[damage.below(body.size())] = static_cast<char>(damage.next());
      const Result<M> decoded = decode<M>(body, version);
      if (!decoded) continue;
      const Buffer again = encode(*decoded, version);
      const Result<M> twice = decode<M>(again, version);
      REQUIRE(twice);
      REQUIRE_EQ(print(*twice, version), print(*decoded, version));
    }
  });
}

TEST_CASE("a version outside of a message's range is unsupported") {
  AllMessages::for_each([]<class M>() {
    CAPTURE(M::name);
    for (const int version : {M::min_version - 1, M::max_version + 1}) {
      const auto decoded = decode<M>("", static_cast<std::int16_t>(version));
      REQUIRE_FALSE(decoded);
      CHECK_EQ(decoded.error().code, Code::unsupported);
    }
  });
}

TEST_CASE("a message is named after its key") {
  AllMessages::for_each([]<class M>() {
    const bool request = M::name == std::string(name_of(M::key)) + "Request";
    const bool response = M::name == std::string(name_of(M::key)) + "Response";
    CHECK((request || response));
    CHECK_EQ(M::flexible_from, flexible_from(M::key));
  });
}

}  // namespace sluice::wire
