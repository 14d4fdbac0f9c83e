#pragma once
// The frontend's options: each declared once in options.cc with unit, default and why.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "frontend/admission.h"
#include "frontend/client_address.h"
#include "shared/base/clock.h"
#include "shared/client/producer.h"
#include "shared/client/settings.h"
#include "shared/config/byte_size.h"
#include "shared/config/schema.h"
#include "shared/http/http_limits.h"
#include "shared/ledger/event.h"
#include "shared/snapshots/fold_snapshots.h"

namespace sluice::frontend {

// One item of `sales:`.
struct SaleOptions {
  std::string id = "demo";
  std::string title;
  std::int64_t stock = 0;
  std::int64_t unit_price = 0;
  std::string currency = "CNY";
  std::int64_t per_user_limit = 1;
  std::string starts_at;
  std::string ends_at;
  Millis payment_window{0};
  std::string purchase_token = "none";
  std::int64_t proof_of_work = 0;
  std::int64_t waiting_room_rate = 0;
};

struct Options {
  std::string listen = "127.0.0.1:8080";
  std::string admin_listen = "127.0.0.1:8081";
  std::string admin_token;
  std::string auth = "none";
  std::vector<std::string> jwt_secret_files;
  std::vector<std::string> jwt_public_key_files;
  std::string jwt_issuer;
  std::string jwt_audience;
  Millis jwt_leeway{30'000};
  std::string jwt_cookie;
  std::string login_url;
  std::string purchase_secret_file;
  Millis purchase_token_life{60'000};
  std::string user_lists;
  std::string payment_secret;
  std::string payment_url;
  std::string bootstrap_servers = "127.0.0.1:9092";
  snapshots::Options snapshots{.folder = "data/frontend"};
  std::string log_level = "info";
  std::size_t loops = 1;
  std::int32_t partitions = 4;
  Millis answer_within{2'000};
  Millis send_timeout{30'000};
  Millis linger{1};
  std::int32_t in_flight_orders_max = 50'000;
  std::string rate_limit_user = "10/s burst 20";
  std::string rate_limit_ip;
  std::string rate_limit_global;
  std::vector<std::string> trusted_proxies;
  std::string forwarded_header = "X-Forwarded-For";
  config::ByteSize max_header_bytes{16 << 10};
  config::ByteSize max_body_bytes{64 << 10};
  std::size_t max_connections = 20'000;
  Millis header_timeout{10'000};
  Millis body_timeout{30'000};
  Millis idle_timeout{75'000};
  std::vector<std::string> kafka;
  std::vector<SaleOptions> sales;
};

// The schema over `options`, which outlives it.
config::Schema describe(Options& options);

// The configured sales as events. Errors name the sale and the field.
Result<std::vector<ledger::Sale>> configured_sales(const Options& options);
// REQUIRES: the rules of the schema hold, for these two.
Admission::Rates rates(const Options& options);
ClientAddress client_addresses(const Options& options);
client::Settings client_settings(const Options& options);
client::ProducerOptions producer_options(const Options& options);
// Of one loop.
http::Limits http_limits(const Options& options);

}  // namespace sluice::frontend
