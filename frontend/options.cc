#include "frontend/options.h"

#include <set>

#include <fmt/format.h>

#include "frontend/admin_token.h"
#include "frontend/payment_signature.h"
#include "frontend/time_text.h"
#include "shared/base/check.h"
#include "shared/net/host_port.h"

namespace sluice::frontend {
namespace {

// A token may be checked with each of them.
constexpr std::size_t kMaxJwtKeys = 8;

void describe_sale(config::Schema& s, SaleOptions& sale) {
  s.add("id", sale.id, "id", "Stands in URLs: 1 to 64 of A-Z a-z 0-9 . _ -").required();
  s.add("title", sale.title, "text", "What people read");
  s.add("stock", sale.stock, "units",
        "Units to sell, when the order log does not know the sale yet")
      .between(0, ledger::kMaxUnits)
      .required();
  s.add("unit_price", sale.unit_price, "minor units", "Price of one unit, such as cents")
      .between(0, ledger::kMaxPrice);
  s.add("currency", sale.currency, "code", "ISO 4217 code of the price");
  s.add("per_user_limit", sale.per_user_limit, "units", "Units that one user may hold")
      .between(1, ledger::kMaxUnits);
  s.add("starts_at", sale.starts_at, "time", "RFC 3339; empty: open at once");
  s.add("ends_at", sale.ends_at, "time", "RFC 3339; empty: open until it is closed");
  s.add("payment_window", sale.payment_window, "How long an order may stay unpaid; 0: for ever")
      .between(0, ledger::kMaxWindowMs);
  s.add("purchase_token", sale.purchase_token, "need",
        "required: an order needs a token that its user can have from the start on only")
      .one_of({"none", "required"});
  s.add("proof_of_work", sale.proof_of_work, "bits",
        "Work of a purchase token, which is required then: the zero bits that a SHA-256 has to "
        "begin with. One more doubles it, 18 is a second or so in a browser; 0: none")
      .between(0, ledger::kMaxProofOfWork);
  s.add("waiting_room_rate", sale.waiting_room_rate, "buyers/s",
        "How many buyers a second are let in from the waiting room; 0: there is none")
      .between(0, ledger::kMaxWaitingRoomRate);
}

Result<std::optional<std::int64_t>> time_of(const std::string& sale, std::string_view field,
                                            const std::string& text) {
  if (text.empty()) return std::nullopt;
  const auto time = parse_rfc3339(text);
  if (time && (time->unix_millis < 0 || time->unix_millis > ledger::kMaxTime)) {
    return fail(Code::invalid,
                fmt::format("sale {}: {}: \"{}\" is not within 1970 and 9999", sale, field, text));
  }
  if (time) return time->unix_millis;
  return fail(Code::invalid, fmt::format("sale {}: {}: {}", sale, field, time.error().context));
}

void describe_identity(config::Schema& s, Options& o) {
  s.add("auth", o.auth, "way",
        "How people prove who they are. none: they do not, the header X-User-Id is believed; for "
        "demos, and behind a proxy that sets it. jwt: by a signed token, as Authorization: Bearer")
      .one_of({"none", "jwt"});
  s.add("jwt_secret_files", o.jwt_secret_files, "path,...",
        "Files with the secrets of tokens signed with HS256, 32 bytes or more each, a line end "
        "behind them not counted. A token may be of any key that is given here or below");
  s.add("jwt_public_key_files", o.jwt_public_key_files, "path,...",
        "PEM files with the Ed25519 public keys of tokens signed with EdDSA");
  s.add("jwt_issuer", o.jwt_issuer, "text", "Who must have issued a token (iss). Empty: anybody");
  s.add("jwt_audience", o.jwt_audience, "text",
        "For whom a token must be (aud). Empty: tokens that are for somebody are refused");
  s.add("jwt_leeway", o.jwt_leeway, "By how much the clock of whoever signs tokens may be off")
      .between(0, 600'000);
  s.add("jwt_cookie", o.jwt_cookie, "name",
        "Cookie in which browsers have the token, set by whoever lets people log in. Requests by "
        "it that change something are taken from pages of the shop only. Empty: no cookie is "
        "looked at, and the page cannot sell");
  s.add("login_url", o.login_url, "URL",
        "Where the page sends people to log in: http or https, or a path of this host; {path} in "
        "it becomes the page to come back to, escaped. Empty: the page has no link");
}

void describe_purchase_tokens(config::Schema& s, Options& o) {
  s.add("purchase_secret_file", o.purchase_secret_file, "path",
        "File with the secret that purchase tokens are made with, 32 bytes or more. Empty: one is "
        "drawn at each start, and tokens of before are asked for again");
  s.add("purchase_token_life", o.purchase_token_life,
        "How long a purchase token may be used; whoever is later gets another")
      .between(1'000, 3'600'000);
}

// Stricter than RFC 6265, so that it means the same everywhere.
bool is_cookie_name(std::string_view name) {
  return ledger::is_sale_id(name);
}

Result<void> check_identity(const Options& o) {
  const std::size_t keys = o.jwt_secret_files.size() + o.jwt_public_key_files.size();
  if (o.auth == "jwt" && keys == 0) {
    return fail(Code::invalid, "auth: jwt needs jwt_secret_files or jwt_public_key_files");
  }
  if (o.auth == "none" && keys > 0) {
    return fail(Code::invalid, "auth: is none, but there are keys of tokens: set it to jwt");
  }
  const bool is_url = o.login_url.starts_with("https://") || o.login_url.starts_with("http://");
  if (!o.login_url.empty() && !is_url && !o.login_url.starts_with('/')) {
    return fail(Code::invalid, "login_url: must begin with https://, http:// or /");
  }
  if (!o.login_url.empty() && o.jwt_cookie.empty()) {
    return fail(Code::invalid, "login_url: needs jwt_cookie, which the login has to set");
  }
  if (!o.jwt_cookie.empty() && (o.auth != "jwt" || !is_cookie_name(o.jwt_cookie))) {
    return fail(Code::invalid,
                "jwt_cookie: needs auth: jwt, and must have 1 to 64 of A-Z a-z 0-9 - _ .");
  }
  if (keys <= kMaxJwtKeys) return {};
  return fail(Code::invalid,
              fmt::format("jwt_secret_files, jwt_public_key_files: at most {}", kMaxJwtKeys));
}

void describe_limits(config::Schema& s, Options& o) {
  s.add("rate_limit_user", o.rate_limit_user, "rate",
        "Order requests of one user, like \"10/s burst 20\" (units s, m, h; without a burst it is "
        "the count); more is answered 429. Sold-out answers do not count. Places in waiting rooms, "
        "challenges and purchase tokens count likewise, each for itself. Empty: no limit");
  s.add(
      "rate_limit_ip", o.rate_limit_ip, "rate",
      "The same of one address; an IPv6 address counts as its /64. Empty: no limit, because behind "
      "a proxy that is not in trusted_proxies everybody has one address");
  s.add("rate_limit_global", o.rate_limit_global, "rate",
        "New orders of all: what the log and the workers are meant to take. Empty: no limit");
  s.add("trusted_proxies", o.trusted_proxies, "network,...",
        "Whose forwarded_header is believed, like 10.0.0.0/8 or ::1. Empty: nobody's, and the "
        "address is the socket's peer");
  s.add("forwarded_header", o.forwarded_header, "header",
        "The one that the trusted proxies add to; they have to remove or append to what a client "
        "sends under that name")
      .one_of({"X-Forwarded-For", "Forwarded"});
}

void add_limit_rules(config::Schema& s, const Options& o) {
  s.add_rule([&o]() -> Result<void> {
    const std::pair<std::string_view, const std::string*> all[] = {
        {"rate_limit_user", &o.rate_limit_user},
        {"rate_limit_ip", &o.rate_limit_ip},
        {"rate_limit_global", &o.rate_limit_global}};
    for (const auto& [name, text] : all) {
      const auto rate = parse_rate(*text);
      if (!rate) return fail(Code::invalid, fmt::format("{}: {}", name, rate.error().context));
    }
    return {};
  });
  s.add_rule([&o]() -> Result<void> {
    for (const std::string& text : o.trusted_proxies) {
      const auto network = net::parse_network(text);
      if (network) continue;
      return fail(Code::invalid, fmt::format("trusted_proxies: {}", network.error().context));
    }
    return {};
  });
}

void add_rules(config::Schema& s, const Options& o) {
  s.add_rule([&o] { return check_identity(o); });
  add_limit_rules(s, o);
  s.add_rule([&o] { return net::check_host_port("listen", o.listen); });
  s.add_rule([&o] { return net::check_host_port("admin_listen", o.admin_listen); });
  s.add_rule([&o]() -> Result<void> {
    const std::string& token = o.admin_token;
    const bool fits = token.size() >= kMinAdminTokenBytes && token.size() <= kMaxAdminTokenBytes;
    if (token.empty() || (fits && is_bearer_token(token))) return {};
    return fail(Code::invalid, fmt::format("admin_token: must have {} to {} characters of A-Z a-z "
                                           "0-9 - . _ ~ + / =",
                                           kMinAdminTokenBytes, kMaxAdminTokenBytes));
  });
  s.add_rule([&o]() -> Result<void> {
    const std::size_t size = o.payment_secret.size();
    if (size == 0 || size >= kMinPaymentSecretBytes) return {};
    return fail(Code::invalid,
                fmt::format("payment_secret: must have {} bytes or more", kMinPaymentSecretBytes));
  });
  s.add_rule([&o]() -> Result<void> {
    const std::string_view url = o.payment_url;
    const bool is_web = url.starts_with("https://") || url.starts_with("http://");
    if (url.empty() || (is_web && url.find("{order}") != url.npos)) return {};
    return fail(Code::invalid,
                "payment_url: must begin with https:// or http:// and have {order} in it");
  });
  s.add_rule([&o]() -> Result<void> {
    const auto sales = configured_sales(o);
    if (!sales) return std::unexpected(sales.error());
    return {};
  });
}

}  // namespace

config::Schema describe(Options& o) {
  config::Schema s("sluice-frontend", "The flash-sale service: takes orders over HTTP");
  s.add("listen", o.listen, "host:port", "Where people order; port 0 takes a free one");
  s.add("admin_listen", o.admin_listen, "host:port",
        "Where /healthz, /readyz, /metrics and the admin API of sales are");
  s.add("admin_token", o.admin_token, "text",
        "Who sends it as Authorization: Bearer may create, change and stop sales: 16 to 512 "
        "characters of A-Z a-z 0-9 - . _ ~ + / =. Empty: nobody may");
  describe_identity(s, o);
  describe_purchase_tokens(s, o);
  s.add("user_lists", o.user_lists, "path",
        "Directory with a file \"blocked\", whose users may not buy, and files \"<sale>.allowed\", "
        "whose users alone may buy in that sale: a user a line. Empty: everybody may");
  s.add("payment_secret", o.payment_secret, "text",
        "What the payment provider signs its notifications with, 16 bytes or more. Empty: none is "
        "taken");
  s.add("payment_url", o.payment_url, "URL",
        "Where the sale page sends people to pay: http or https, with {order} and, if wanted, "
        "{amount} (in minor units) and {currency} in it. Empty: the page has no button to pay");
  s.add("bootstrap_servers", o.bootstrap_servers, "host:port,...",
        "The brokers that keep the order log: sluice-broker or an Apache Kafka cluster");
  snapshots::describe(s, o.snapshots);
  s.add("log_level", o.log_level, "level", "How much to log")
      .one_of({"debug", "info", "warning", "error"});
  s.add("loops", o.loops, "threads",
        "HTTP loops, each with its own listener on the same port; one a core that is free for it")
      .between(1, 256);
  s.add("partitions", o.partitions, "partitions",
        "Of the order log, when it is created; each sale lives in one. More let more workers share "
        "the sales; it cannot be changed later")
      .between(1, 1'000);
  s.add("answer_within", o.answer_within,
        "How long an order waits for the log before it is answered 202 pending")
      .between(100, 60'000);
  s.add("send_timeout", o.send_timeout,
        "How long an order is sent again before its outcome is settled by reading the log")
      .between(1'000, 600'000);
  s.add("linger", o.linger, "How long a batch of orders waits for company on its way to the broker")
      .between(0, 1'000);
  s.add("in_flight_orders_max", o.in_flight_orders_max, "orders",
        "Orders on their way to the log; one more is answered 503, not reserved. Bounds memory and "
        "waiting when the log is slow")
      .between(1, 10'000'000);
  describe_limits(s, o);
  s.add("max_header_bytes", o.max_header_bytes, "Request line and headers; more is answered 431")
      .between(1024, 1 << 20);
  s.add("max_body_bytes", o.max_body_bytes, "Request body; more is answered 413")
      .between(64, 16 << 20);
  s.add("max_connections", o.max_connections, "connections",
        "Open connections of all loops; one more is answered 503")
      .between(1, 1'000'000);
  s.add("header_timeout", o.header_timeout, "From a request's first byte to its last header: 408")
      .between(100, 600'000);
  s.add("body_timeout", o.body_timeout, "From the headers to the end of the body: 408")
      .between(100, 600'000);
  s.add("idle_timeout", o.idle_timeout,
        "Between requests of one connection; long, because new connections are the costly part")
      .between(1'000, 3'600'000);
  s.add("kafka", o.kafka, "name=value,...",
        "Further options of the Kafka client (librdkafka's names), such as security.protocol=ssl");
  s.add_list("sales", o.sales, "sales", "Sales to open. What the order log says of a sale wins",
             describe_sale, SaleOptions{.title = "A demo", .stock = 1000, .unit_price = 9900});
  add_rules(s, o);
  return s;
}

Result<std::vector<ledger::Sale>> configured_sales(const Options& options) {
  std::vector<ledger::Sale> sales;
  std::set<std::string> ids;
  for (const auto& item : options.sales) {
    if (!ledger::is_sale_id(item.id)) {
      return fail(Code::invalid, fmt::format("sale \"{}\": id: 1 to {} of A-Z a-z 0-9 . _ -",
                                             item.id, ledger::kMaxSaleIdBytes));
    }
    if (!ids.insert(item.id).second) {
      return fail(Code::invalid, fmt::format("sale {}: id: given twice", item.id));
    }
    ledger::Sale sale;
    sale.sale = item.id;
    sale.title = item.title.empty() ? item.id : item.title;
    sale.stock = item.stock;
    sale.unit_price = item.unit_price;
    sale.currency = item.currency;
    sale.per_user_limit = item.per_user_limit;
    sale.payment_window_ms = item.payment_window.count();
    sale.purchase_token = item.purchase_token == "required";
    sale.proof_of_work = item.proof_of_work;
    sale.waiting_room_rate = item.waiting_room_rate;
    sale.change = "configured";  // however often it is sent
    TRY(starts_at, time_of(item.id, "starts_at", item.starts_at));
    TRY(ends_at, time_of(item.id, "ends_at", item.ends_at));
    sale.starts_at = starts_at;
    sale.ends_at = ends_at;
    if (starts_at && ends_at && *ends_at <= *starts_at) {
      return fail(Code::invalid, fmt::format("sale {}: ends_at: is not after starts_at", item.id));
    }
    if (!ledger::is_plain_text(sale.title, ledger::kMaxTitleBytes)) {
      return fail(Code::invalid, fmt::format("sale {}: title: at most {} bytes of text", item.id,
                                             ledger::kMaxTitleBytes));
    }
    if (!ledger::is_plain_text(sale.currency, ledger::kMaxCurrencyBytes)) {
      return fail(Code::invalid, fmt::format("sale {}: currency: 1 to {} bytes of text", item.id,
                                             ledger::kMaxCurrencyBytes));
    }
    sales.push_back(std::move(sale));
  }
  return sales;
}

Admission::Rates rates(const Options& options) {
  const auto rate = [](const std::string& text) {
    const auto parsed = parse_rate(text);
    CHECK(parsed);
    return *parsed;
  };
  return {.user = rate(options.rate_limit_user),
          .address = rate(options.rate_limit_ip),
          .global = rate(options.rate_limit_global)};
}

ClientAddress client_addresses(const Options& options) {
  std::vector<net::IpNetwork> proxies;
  for (const std::string& text : options.trusted_proxies) {
    const auto network = net::parse_network(text);
    CHECK(network);
    proxies.push_back(*network);
  }
  const bool standard = options.forwarded_header == "Forwarded";
  return {std::move(proxies),
          standard ? ClientAddress::Header::forwarded : ClientAddress::Header::x_forwarded_for};
}

client::Settings client_settings(const Options& options) {
  return {.bootstrap_servers = options.bootstrap_servers,
          .client_id = "sluice-frontend",
          .extra = options.kafka};
}

client::ProducerOptions producer_options(const Options& options) {
  client::ProducerOptions producer;
  producer.linger = options.linger;
  producer.message_timeout = options.send_timeout;
  producer.request_timeout = std::min(producer.request_timeout, options.send_timeout);
  producer.queue_messages_max = options.in_flight_orders_max;
  return producer;
}

http::Limits http_limits(const Options& options) {
  http::Limits limits;
  limits.header_bytes_max = static_cast<std::size_t>(options.max_header_bytes.bytes);
  limits.body_bytes_max = static_cast<std::size_t>(options.max_body_bytes.bytes);
  limits.connections_max = (options.max_connections + options.loops - 1) / options.loops;
  limits.header_timeout = options.header_timeout;
  limits.body_timeout = options.body_timeout;
  limits.idle_timeout = options.idle_timeout;
  return limits;
}

}  // namespace sluice::frontend
