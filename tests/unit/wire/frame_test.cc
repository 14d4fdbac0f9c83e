#include "shared/wire/frame.h"

#include <doctest/doctest.h>

#include "shared/wire/messages/api_versions.h"
#include "shared/wire/messages/heartbeat.h"

namespace sluice::wire {

namespace {

ByteView without_size(const Buffer& frame) {
  return ByteView(frame).substr(kSizePrefixBytes);
}

}  // namespace

TEST_CASE("a request frame is read back in both header forms") {
  for (const std::int16_t version : {std::int16_t{3}, std::int16_t{4}}) {
    CAPTURE(version);
    HeartbeatRequest request;
    request.group_id = "g";
    const Buffer frame = encode_request(
        {.api_version = version, .correlation_id = 77, .client_id = "client"}, request);
    CHECK_EQ(load_be<std::int32_t>(frame.data()), static_cast<std::int64_t>(frame.size()) - 4);
    const auto decoded = decode_request_frame(without_size(frame));
    REQUIRE(decoded);
    CHECK_EQ(decoded->header.api_key == ApiKey::heartbeat, true);
    CHECK_EQ(decoded->header.api_version, version);
    CHECK_EQ(decoded->header.correlation_id, 77);
    CHECK_EQ(decoded->header.client_id, "client");
    CHECK_EQ(decoded->body.size(), encoded_size(request, version));
    CHECK(decode<HeartbeatRequest>(decoded->body, version));
  }
}

TEST_CASE("a client id may be null") {
  const Buffer frame = encode_request({.api_version = 0}, HeartbeatRequest{});
  const auto decoded = decode_request_frame(without_size(frame));
  REQUIRE(decoded);
  CHECK_EQ(decoded->header.client_id, std::nullopt);
}

TEST_CASE("tags in a request header are skipped") {
  Buffer frame;
  append_be(frame, static_cast<std::int16_t>(ApiKey::heartbeat));
  append_be(frame, std::int16_t{4});
  append_be(frame, std::int32_t{1});
  append_be(frame, std::int16_t{-1});
  frame += Buffer("\x01\x63\x02zzBODY", 9);
  const auto decoded = decode_request_frame(frame);
  REQUIRE(decoded);
  CHECK_EQ(decoded->body, "BODY");
}

TEST_CASE("a response frame has tags in its header only if flexible, and ApiVersions never") {
  HeartbeatResponse response;
  CHECK_EQ(encode_response(3, 5, response).size(), 4 + 4 + encoded_size(response, 3));
  CHECK_EQ(encode_response(4, 5, response).size(), 4 + 4 + 1 + encoded_size(response, 4));
  const ApiVersionsResponse versions;
  CHECK_EQ(encode_response(3, 5, versions).size(), 4 + 4 + encoded_size(versions, 3));
  for (const std::int16_t version : {std::int16_t{3}, std::int16_t{4}}) {
    const Buffer frame = encode_response(version, 5, response);
    CHECK_EQ(load_be<std::int32_t>(frame.data()), static_cast<std::int64_t>(frame.size()) - 4);
    const auto decoded = decode_response_frame(without_size(frame), ApiKey::heartbeat, version);
    REQUIRE(decoded);
    CHECK_EQ(decoded->correlation_id, 5);
    CHECK(decode<HeartbeatResponse>(decoded->body, version));
  }
}

TEST_CASE("a header that is cut short is corrupt, whatever its key") {
  for (const int key : {0, 12, 18, 4711, -1}) {
    Buffer frame;
    append_be(frame, static_cast<std::int16_t>(key));
    append_be(frame, std::int16_t{4});
    append_be(frame, std::int32_t{1});
    append_be(frame, std::int16_t{3});
    frame += "abc";
    for (std::size_t size = 0; size < frame.size(); ++size) {
      const auto decoded = decode_request_frame(ByteView(frame).substr(0, size));
      REQUIRE_FALSE(decoded);
      CHECK_EQ(decoded.error().code, Code::corrupt);
    }
  }
  CHECK_FALSE(decode_response_frame("\x01\x02", ApiKey::heartbeat, 4));
}

TEST_CASE("an unknown key is read as far as the body, so that it can be named") {
  Buffer frame;
  append_be(frame, std::int16_t{999});
  append_be(frame, std::int16_t{1});
  append_be(frame, std::int32_t{1});
  append_be(frame, std::int16_t{-1});
  const auto decoded = decode_request_frame(frame);
  REQUIRE(decoded);
  CHECK_EQ(name_of(decoded->header.api_key), "unknown");
}

}  // namespace sluice::wire
