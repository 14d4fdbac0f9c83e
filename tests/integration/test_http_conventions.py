"""Our HTTP conventions: which status, headers and body each situation has; a test for each row.

Elsewhere: an unknown outcome is 202 pending, requests under way share one answer, the log away is
503 (tests/unit/frontend/, test_pipeline.py); events (test_orders.py); 429 (test_rate_limits.py);
tokens (test_who_may_buy.py); what is malformed or too large (test_http_conformance.py).
"""

import datetime
import hashlib
import hmac
import json
import time

import pytest

import harness
from harness import eventually, sale

TOKEN = "0123456789abcdef-of-the-tests"
SECRET = "the provider's secret"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("conventions")
    broker = harness.Broker(folder / "broker").start().wait_ready()
    sales = [sale("demo", 1000), sale("many", 1000, per_user_limit=100), sale("out", 0),
             sale("unpaid", 1, payment_window="1m"),
             sale("early", 5, starts_at="2100-01-01T00:00:00Z"),
             sale("late", 5, ends_at="2001-01-01T00:00:00Z")]
    options = {"admin_token": TOKEN, "payment_secret": SECRET}
    frontend = harness.Frontend(folder / "frontend", broker, sales, options).start().wait_ready()
    yield frontend
    frontend.finish()
    broker.finish()


def problem(reply, status, code):
    """Every error is a problem document, and says its own status."""
    assert reply.status == status, reply
    assert reply.headers["Content-Type"] == "application/problem+json"
    body = reply.json
    assert body["status"] == status and body["code"] == code and body["title"], body
    assert body["type"] in ("about:blank", f"urn:sluice:problem:{code}")
    return body


def placed(shop, user, sale_name="demo"):
    reply = shop.order(sale_name, user)
    assert reply.status == 202, reply
    return reply.json["order_id"]


def test_an_order_that_is_durable_is_202_with_where_to_look(shop):
    reply = shop.order("demo", "ann")
    assert reply.status == 202 and reply.headers["Retry-After"] == "1"
    assert reply.headers["Location"] == reply.json["status_url"] == \
        f"/v1/orders/{reply.json['order_id']}"
    assert reply.json["state"] == "queued" and reply.headers["Cache-Control"] == "no-store"
    assert shop.http().get(reply.headers["Location"]).status == 200


def test_a_repeat_has_the_same_answer_and_says_so(shop):
    first, again = (shop.order("many", "bob", key="k1") for _ in range(2))
    assert (again.status, again.body) == (first.status, first.body)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"


def test_a_missing_key_is_400_with_a_link_to_what_it_is(shop):
    reply = shop.administer("POST", "/v1/sales/demo/grants", {"units": 1}, **{"If-Match": "*"})
    problem(reply, 400, "idempotency-key-required")
    assert reply.headers["Link"].endswith('rel="describedby"')


def test_a_key_for_another_order_is_422(shop):
    assert shop.order("many", "cid", key="k1").status == 202
    body = problem(shop.order("many", "cid", key="k1", quantity=2), 422, "key-reused")
    assert body["order"].startswith("/v1/orders/")


def test_an_order_has_a_tag_and_can_be_waited_for(shop):
    path = f"/v1/orders/{placed(shop, 'dan')}"
    reply = shop.http().get(path)
    assert reply.headers["Cache-Control"] == "private, no-cache"
    tag = reply.headers["ETag"]
    same = shop.http().get(path, **{"If-None-Match": tag})
    assert (same.status, same.body, same.headers["ETag"]) == (304, b"", tag)
    assert shop.http().get(path, **{"If-None-Match": '"other"'}).status == 200
    began = time.monotonic()
    waited = shop.http().get(path, **{"If-None-Match": tag, "Prefer": "wait=1"})
    assert waited.status == 304 and time.monotonic() - began > 0.9
    assert waited.headers["Preference-Applied"] == "wait"


def test_before_the_start_is_409_with_when(shop):
    reply = shop.order("early", "ann")
    body = problem(reply, 409, "sale-not-started")
    assert body["starts_at"] == "2100-01-01T00:00:00.000Z"
    now = datetime.datetime.fromisoformat(body["server_time"].replace("Z", "+00:00"))
    assert abs(now.timestamp() - time.time()) < 60
    assert int(reply.headers["Retry-After"]) * 1000 >= body["retry_after_ms"] > 0


def test_tls_early_data_is_425(shop):
    reply = shop.http().request("POST", "/v1/sales/demo/orders", {"quantity": 1},
                                {"X-User-Id": "eve", "Early-Data": "1"})
    problem(reply, 425, "too-early")
    mine = shop.http().get("/v1/orders", **{"X-User-Id": "eve"})
    assert mine.json == {"orders": []}


def test_sold_out_is_409_and_ended_is_410(shop):
    reply = shop.order("out", "ann")
    problem(reply, 409, "sold-out")
    assert reply.headers["Retry-After"] is None
    problem(shop.order("late", "ann"), 410, "sale-ended")


def test_sold_out_says_when_what_is_not_paid_may_come_back(shop):
    """Payment is due within a minute, which is told in whole seconds."""
    placed(shop, "kim", "unpaid")

    def told():
        reply = shop.order("unpaid", "ann")
        problem(reply, 409, "sold-out")
        return int(reply.headers["Retry-After"] or 0)

    first = eventually(told, what="the order is read back")
    assert 0 < first <= 60
    eventually(lambda: told() < first, what="it is sooner than it was")


def test_the_limit_of_a_user_is_409_with_the_order(shop):
    order = placed(shop, "fay")
    body = problem(shop.order("demo", "fay", key="another"), 409, "limit-reached")
    assert (body["per_user_limit"], body["order"]) == (1, f"/v1/orders/{order}")


def test_nobody_is_401_and_what_there_is_not_404(shop):
    reply = shop.http().request("POST", "/v1/sales/demo/orders", {"quantity": 1})
    problem(reply, 401, "no-user")
    assert reply.headers["WWW-Authenticate"]
    problem(shop.order("none", "ann"), 404, "no-such-sale")
    problem(shop.http().get("/v1/orders/none"), 404, "no-such-order")
    problem(shop.http().get("/none"), 404, "not-found")


def test_another_method_is_405_with_allow(shop):
    for method, path, allow in (("PUT", "/v1/sales/demo", "GET, HEAD, OPTIONS"),
                                ("GET", "/v1/sales/demo/orders", "OPTIONS, POST"),
                                ("PATCH", "/v1/orders/x", "DELETE, GET, HEAD, OPTIONS")):
        reply = shop.http().request(method, path)
        problem(reply, 405, "method-not-allowed")
        assert reply.headers["Allow"] == allow
        options = shop.http().request("OPTIONS", path)
        assert (options.status, options.headers["Allow"]) == (204, allow)


def test_a_body_of_another_type_is_415_and_what_is_no_order_400(shop):
    def order(body, content_type):
        return shop.http().request("POST", "/v1/sales/demo/orders", body,
                                   {"X-User-Id": "gus", "Content-Type": content_type})

    reply = order("quantity=1", "application/x-www-form-urlencoded")
    problem(reply, 415, "unsupported-media-type")
    assert reply.headers["Accept"] == "application/json"
    for body in ("quantity=1", "[]", '{"quantity":0}', '{"quantity":"1"}', '{"other":1}', "{"):
        problem(order(body, "application/json"), 400, "invalid-request")


def test_an_edit_needs_the_revision_that_it_is_made_from(shop):
    edit = {"title": "Another title"}
    problem(shop.administer("PATCH", "/v1/sales/many", edit), 428, "precondition-required")
    shown = shop.administer("GET", "/v1/sales/many")
    tag = shown.headers["ETag"]
    assert shop.administer("GET", "/v1/sales/many", **{"If-None-Match": tag}).status == 304
    changed = shop.administer("PATCH", "/v1/sales/many", edit, **{"If-Match": tag})
    assert changed.status == 200 and changed.json["title"] == "Another title"
    stale = shop.administer("PATCH", "/v1/sales/many", {"title": "A third"}, **{"If-Match": tag})
    problem(stale, 412, "sale-changed")
    assert stale.headers["ETag"] == changed.headers["ETag"] != tag


def test_a_cancelled_order_is_200_a_paid_one_409(shop):
    def cancel(order, user):
        return shop.http().request("DELETE", f"/v1/orders/{order}", headers={"X-User-Id": user})

    def pay(order):
        path, now = f"/v1/orders/{order}/payment", int(time.time())
        body = json.dumps({"payment_id": "p1", "amount": 9900, "currency": "CNY"})
        digest = hmac.new(SECRET.encode(), f"{now}.{path}.{body}".encode(), hashlib.sha256)
        return shop.http().request(
            "POST", path, body, {"Sluice-Signature": f"t={now},v1={digest.hexdigest()}"})

    order = placed(shop, "hal")
    problem(cancel(order, "ann"), 404, "no-such-order")
    for _ in range(2):
        reply = cancel(order, "hal")
        assert reply.status == 200 and reply.json["state"] == "cancelled"
    paid = placed(shop, "ian")
    assert pay(paid).json["state"] == "paid"
    problem(cancel(paid, "ian"), 409, "already-paid")
    problem(shop.http().request("POST", f"/v1/orders/{paid}/payment", "{}"), 401, "bad-signature")


def test_what_is_for_all_may_be_cached_and_what_is_for_one_not(shop):
    for path in ("/v1/sales", "/v1/sales/demo", "/"):
        cache = shop.http().get(path).headers["Cache-Control"]
        assert cache == "public, max-age=1, stale-while-revalidate=5", path
    assert shop.http().get("/v1/time").headers["Cache-Control"] == "no-store"
    mine = shop.http().get("/v1/orders", **{"X-User-Id": "ann"})
    assert mine.headers["Cache-Control"] == "private, no-store"


def test_while_the_log_is_away_nothing_is_reserved(tmp_path, daemons):
    broker = daemons(harness.Broker(tmp_path / "broker")).start().wait_ready()
    frontend = daemons(harness.Frontend(tmp_path / "frontend", broker, [sale("demo", 5)]))
    frontend.start().wait_ready()
    broker.kill9()
    eventually(lambda: not frontend.is_ready(), what="the frontend is not ready")
    reply = frontend.order("demo", "ann")
    problem(reply, 503, "log-unavailable")
    assert reply.headers["Retry-After"] == "1"
    assert frontend.http().get("/v1/sales/demo").json["available"] == 5
