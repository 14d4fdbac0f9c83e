// The HTTP service over a stream in memory, on arbitrary bytes. The first byte chooses where the
// rest is cut. Whatever the bytes and the cuts: no crash, every connection ends with its client,
// and the answers are those to the same bytes in one piece.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "shared/async/one_shot.h"
#include "shared/base/check.h"
#include "shared/http/router.h"
#include "shared/http/service.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_stream.h"

namespace {

using namespace sluice;
using namespace sluice::http;

class Application {
 public:
  Application() : ready_(Response::text(200, "ready")) {
    router_.add("GET", "/ready", [this](const Request&) -> Answer { return &ready_; });
    router_.add("POST", "/echo", [](const Request& request) -> Answer {
      return Response::text(200, Buffer(request.target) + Buffer(request.body));
    });
    router_.add("POST", "/later/{n}",
                [this](const Request& request) -> Answer { return later(request); });
  }

  // All that is answered to the bytes, received in pieces of `step`.
  std::string answers(ByteView bytes, std::size_t step) {
    auto [client, server] = MemoryStream::pair();
    service_.serve(std::move(server));
    for (std::size_t at = 0; at < bytes.size(); at += step) client->feed(bytes.substr(at, step));
    // Answered from requests that have waited since then, the last one first.
    for (auto turn = waiting_.rbegin(); turn != waiting_.rend(); ++turn) (*turn)->set(true);
    waiting_.clear();
    auto all = client->drain();
    client->finish_sending();
    while (!waiting_.empty()) {
      for (auto& turn : std::exchange(waiting_, {})) turn->set(true);
    }
    all += client->drain();
    client->close();
    CHECK(service_.connections() == 0);
    CHECK(service_.counters().bad_requests <= 1);
    if (service_.counters().bad_requests == 1) {
      all.resize(all.rfind("HTTP/1.1 ", all.rfind("\r\nDate: ")));
      all += "refused";
    }
    return all;
  }

 private:
  Task<Response> later(const Request& request) {
    auto turn = std::make_shared<OneShot<bool>>();
    waiting_.push_back(turn);
    co_await *turn;
    co_return Response::text(200, Buffer(request.param("n")) + Buffer(request.body));
  }

  ManualClock clock_;
  Router router_;
  StaticResponse ready_;
  std::vector<std::shared_ptr<OneShot<bool>>> waiting_;
  Service service_{
      clock_,
      {.header_bytes_max = 512, .target_bytes_max = 64, .body_bytes_max = 128, .pipeline_max = 4},
      [this](Request& request) { return router_.route(request); }};
};

// "100 Continue" depends on timing by its nature: a client that has sent the body gets none.
std::string without_interim(std::string text) {
  static constexpr std::string_view kInterim = "HTTP/1.1 100 Continue\r\n\r\n";
  for (auto at = text.find(kInterim); at != std::string::npos; at = text.find(kInterim, at)) {
    text.erase(at, kInterim.size());
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::size_t step = 1 + data[0] % 64;
  const auto whole = Application().answers(bytes, bytes.size() + 1);
  const auto cut = Application().answers(bytes, step);
  CHECK(without_interim(whole) == without_interim(cut));
  return 0;
}
