#include "worker/webhook_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "shared/base/check.h"

namespace sluice::worker {
namespace {

constexpr Millis kConnectTimeout{5'000};
// The beginning of an answer's body, for people.
constexpr std::size_t kKeptBodyBytes = 200;

struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeMulti {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

// Only memory can be short: what is set is checked when the client is opened.
template <class Value>
void set(CURL* easy, CURLoption option, Value value) {
  CHECK(curl_easy_setopt(easy, option, value) == CURLE_OK);
}

}  // namespace

struct WebhookClient::Transfer {
  std::unique_ptr<CURL, FreeEasy> easy{curl_easy_init()};
  WebhookRequest request;
  std::unique_ptr<curl_slist, FreeList> headers;
  std::array<char, CURL_ERROR_SIZE> error{};
  std::string body_start;
  std::size_t body_bytes = 0;
  std::size_t header_bytes = 0;
  bool body_is_enough = false;

  static std::size_t on_body(char* bytes, std::size_t one, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const std::size_t size = one * count;
    if (transfer.body_start.size() < kKeptBodyBytes) {
      transfer.body_start.append(bytes,
                                 std::min(size, kKeptBodyBytes - transfer.body_start.size()));
    }
    transfer.body_bytes += size;
    transfer.body_is_enough = transfer.body_bytes > kMaxBodyBytes;
    return transfer.body_is_enough ? 0 : size;
  }
  static std::size_t on_header(char*, std::size_t one, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    transfer.header_bytes += one * count;
    return transfer.header_bytes > kMaxHeaderBytes ? 0 : one * count;
  }
};

struct WebhookClient::Curl {
  std::unique_ptr<CURLM, FreeMulti> multi{curl_multi_init()};
  std::unordered_map<CURL*, std::unique_ptr<Transfer>> transfers;
};

Result<std::unique_ptr<WebhookClient>> WebhookClient::open(WebhookTarget target) {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  CHECK(initialised == CURLE_OK);
  const std::unique_ptr<CURL, FreeEasy> trial(curl_easy_init());
  CHECK(trial != nullptr);
  const CURLcode taken = curl_easy_setopt(trial.get(), CURLOPT_URL, target.url.c_str());
  if (taken != CURLE_OK) return fail(Code::invalid, curl_easy_strerror(taken));
  return std::unique_ptr<WebhookClient>(new WebhookClient(std::move(target)));
}

WebhookClient::WebhookClient(WebhookTarget target)
    : target_(std::move(target)), curl_(std::make_unique<Curl>()) {
  CHECK(curl_->multi != nullptr);
}

WebhookClient::~WebhookClient() {
  for (const auto& [easy, transfer] : curl_->transfers) {
    curl_multi_remove_handle(curl_->multi.get(), easy);
  }
}

void WebhookClient::post(WebhookRequest request) {
  auto transfer = std::make_unique<Transfer>();
  CURL* easy = transfer->easy.get();
  CHECK(easy != nullptr);
  transfer->request = std::move(request);
  for (const std::string& header : transfer->request.headers) {
    curl_slist* longer = curl_slist_append(transfer->headers.get(), header.c_str());
    CHECK(longer != nullptr);
    static_cast<void>(transfer->headers.release());
    transfer->headers.reset(longer);
  }
  set(easy, CURLOPT_URL, target_.url.c_str());
  set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  set(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  set(easy, CURLOPT_FOLLOWLOCATION, 0L);
  set(easy, CURLOPT_NOSIGNAL, 1L);
  set(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(target_.timeout.count()));
  set(easy, CURLOPT_CONNECTTIMEOUT_MS,
      static_cast<long>(std::min(target_.timeout, kConnectTimeout).count()));
  if (!target_.ca_file.empty()) set(easy, CURLOPT_CAINFO, target_.ca_file.c_str());
  set(easy, CURLOPT_POST, 1L);
  set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(transfer->request.body.size()));
  set(easy, CURLOPT_POSTFIELDS, transfer->request.body.c_str());
  set(easy, CURLOPT_HTTPHEADER, transfer->headers.get());
  set(easy, CURLOPT_USERAGENT, "sluice-worker/" SLUICE_VERSION);
  set(easy, CURLOPT_ERRORBUFFER, transfer->error.data());
  set(easy, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(easy, CURLOPT_WRITEDATA, static_cast<void*>(transfer.get()));
  set(easy, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  set(easy, CURLOPT_HEADERDATA, static_cast<void*>(transfer.get()));
  CHECK(curl_multi_add_handle(curl_->multi.get(), easy) == CURLM_OK);
  curl_->transfers.emplace(easy, std::move(transfer));
}

WebhookAnswer WebhookClient::answer_of(const Transfer& transfer, int result) const {
  WebhookAnswer answer{.id = transfer.request.id};
  if (transfer.header_bytes > kMaxHeaderBytes) {
    answer.text = fmt::format("more than {} bytes of headers", kMaxHeaderBytes);
    return answer;
  }
  const auto code = static_cast<CURLcode>(result);
  if (code != CURLE_OK && !transfer.body_is_enough) {
    answer.text = transfer.error[0] == '\0' ? curl_easy_strerror(code) : transfer.error.data();
    return answer;
  }
  long status = 0;
  curl_off_t retry_after = 0;  // seconds; 0: the answer names none
  curl_easy_getinfo(transfer.easy.get(), CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(transfer.easy.get(), CURLINFO_RETRY_AFTER, &retry_after);
  answer.status = static_cast<int>(status);
  answer.text = transfer.body_start;
  if (retry_after > 0) {
    answer.retry_after =
        std::min<std::chrono::seconds>(std::chrono::seconds(retry_after), std::chrono::hours(24));
  }
  return answer;
}

std::vector<WebhookAnswer> WebhookClient::wait(Millis at_most) {
  CURLM* multi = curl_->multi.get();
  int running = 0;
  curl_multi_perform(multi, &running);
  const bool all_under_way = static_cast<std::size_t>(running) == curl_->transfers.size();
  if (all_under_way) {
    curl_multi_poll(multi, nullptr, 0, static_cast<int>(at_most.count()), nullptr);
    curl_multi_perform(multi, &running);
  }
  std::vector<WebhookAnswer> answers;
  int left = 0;
  while (CURLMsg* message = curl_multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode result = message->data.result;
    CURL* easy = message->easy_handle;
    curl_multi_remove_handle(multi, easy);
    const auto done = curl_->transfers.extract(easy);
    answers.push_back(answer_of(*done.mapped(), result));
  }
  return answers;
}

void WebhookClient::wake() {
  curl_multi_wakeup(curl_->multi.get());
}

}  // namespace sluice::worker
