#include "frontend/handlers/listeners.h"

#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "frontend/request_fields.h"
#include "frontend/web_files.h"

namespace sluice::frontend {
namespace {

// The bytes are copied once, at the start.
struct Description {
  explicit Description(std::string_view file)
      : full(http::Response::json(200, Buffer(web_file(file)))
                 .add("ETag", tag)
                 .add("Cache-Control", "no-cache")),
        unchanged(http::Response(304).add("ETag", tag).add("Cache-Control", "no-cache")) {}

  const std::string tag = fmt::format("\"{}\"", web_files_version());
  const http::StaticResponse full;
  const http::StaticResponse unchanged;
};

void add_description(http::Router& router, std::string_view file) {
  auto describe = [description = std::make_shared<const Description>(file)](
                      const http::Request& request) -> http::Answer {
    const ByteView known = request.header("If-None-Match").value_or(ByteView());
    return lists_tag(known, description->tag) ? &description->unchanged : &description->full;
  };
  router.add("GET", "/openapi.json", std::move(describe));
}

}  // namespace

void add_shop(http::Router& router, const Api& api) {
  add_place_order(router, api);
  add_purchase_token(router, api);
  add_waiting_room(router, api);
  add_order_status(router, api);
  add_order_end(router, api);
  add_events(router, api);
  add_user(router, api);
  add_sales(router, api);
  add_pages(router, api);  // after the JSON, whose paths are hot
  add_counter(router, api);
  add_order_page(router, api);
  add_description(router, "shop.json");
}

void add_administration(http::Router& router, http::AdminCallbacks callbacks, const AdminApi& api) {
  http::add_admin_routes(router, std::move(callbacks));
  add_admin_sales(router, api);
  add_admin_lists(router, api);
  add_description(router, "admin.json");
}

}  // namespace sluice::frontend
