"""An order that is called off or paid for, seen from the page."""

import hashlib
import hmac
import http.server
import json
import threading
import time
import urllib.parse

import pytest
from playwright.sync_api import expect

import harness
from harness import eventually, sale
from sale_page import SalePage

SECRET = "payment-secret-of-the-tests"


def state_of(shop, order):
    rows = shop.worker.rows("state", f"order_id = '{order}'")
    return rows[0][0] if rows else None


def notify(shop_address, order, amount, currency):
    """The provider tells the shop of a payment, as docs/http-api.md has it."""
    path = f"/v1/orders/{order}/payment"
    body = json.dumps({"payment_id": f"pay-{order}", "amount": amount, "currency": currency})
    now = int(time.time())
    signed = hmac.new(SECRET.encode(), f"{now}.{path}.{body}".encode(), hashlib.sha256)
    return harness.Http(shop_address).request(
        "POST", path, body, {"Sluice-Signature": f"t={now},v1={signed.hexdigest()}"})


class Provider(http.server.BaseHTTPRequestHandler):
    """A payment page: whoever comes has paid, and is sent back to where he came from."""

    def do_GET(self):
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        self.server.replies.append(notify(self.server.shop_address, query["order"],
                                          int(query["amount"]), query["currency"]))
        self.send_response(303)
        self.send_header("Location", f"http://{self.server.shop_address}/")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def provider():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    server.replies = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_called_off_and_sold_again(open_shop, visitor):
    shop = open_shop(sale("demo", 1))
    buyer, other = SalePage(visitor(shop)), SalePage(visitor(shop))
    buyer.buy()
    order = buyer.expect_placed()
    other.expect_stage("Sold out")
    buyer.page.get_by_role("button", name="Cancel order").click()
    buyer.page.get_by_role("button", name="Keep it").click()
    expect(buyer.page.get_by_role("button", name="Cancel order")).to_be_focused()
    buyer.cancel()
    expect(buyer.page.locator("#order-state")).to_have_text("Order cancelled")
    eventually(lambda: state_of(shop, order) == "cancelled", what="the row is cancelled")
    other.buy()  # by itself it is on sale again
    assert other.expect_placed() != order
    buyer.expect_stage("Sold out")
    expect(buyer.button).to_be_disabled()


def test_who_called_off_may_buy_again(open_shop, visitor):
    shop = open_shop(sale("demo", 2))
    buyer = SalePage(visitor(shop))
    buyer.buy()
    first = buyer.expect_placed()
    buyer.cancel()
    expect(buyer.button).to_have_text("Try again")
    buyer.page.reload()
    expect(buyer.page.locator("#order-state")).to_have_text("Order cancelled")
    buyer.buy()
    assert buyer.expect_placed() != first


def test_it_cannot_be_called_off_while_the_broker_is_away(open_shop, visitor):
    shop = open_shop(sale("demo", 2))
    buyer = SalePage(visitor(shop))
    buyer.buy()
    order = buyer.expect_placed()
    buyer.page.route(f"**/v1/orders/{order}", lambda route: route.fulfill(
        status=503, json={"code": "log-unavailable"})
        if route.request.method == "DELETE" else route.continue_())
    buyer.cancel()
    expect(buyer.page.locator("#order-note")).to_have_text(
        "It could not be cancelled just now. Your order stands.")
    buyer.page.unroute(f"**/v1/orders/{order}")
    buyer.cancel()
    expect(buyer.page.locator("#order-state")).to_have_text("Order cancelled")


def test_paid_at_the_provider(open_shop, visitor, provider):
    shop = open_shop(sale("demo", 2, payment_window="15m"), payment_secret=SECRET, payment_url=(
        f"http://127.0.0.1:{provider.server_port}/?order={{order}}&amount={{amount}}"
        "&currency={currency}"))
    provider.shop_address = shop.frontend.listen
    context = visitor(shop)
    buyer, elsewhere = SalePage(context), SalePage(context)
    buyer.buy()
    order = buyer.expect_placed()
    expect(buyer.page.locator("#order-note")).to_contain_text("Please pay within 14:")
    buyer.page.get_by_role("link", name="Pay ¥99.00").click()
    for page in (buyer, elsewhere):
        expect(page.page.locator("#order-state")).to_have_text("Paid. Enjoy!")
        expect(page.page.locator(".steps .done")).to_have_count(3)
        expect(page.page.get_by_role("button", name="Cancel order")).to_be_hidden()
    assert [reply.status for reply in provider.replies] == [200]
    eventually(lambda: state_of(shop, order) == "paid", what="the row is paid")


def test_paid_too_late_is_paid_back(open_shop, visitor):
    shop = open_shop(sale("demo", 2), payment_secret=SECRET)
    buyer = SalePage(visitor(shop))
    buyer.buy()
    order = buyer.expect_placed()
    expect(buyer.page.locator("#pay")).to_be_hidden()  # nobody said where
    buyer.cancel()
    expect(buyer.page.locator("#order-state")).to_have_text("Order cancelled")
    assert notify(shop.frontend.listen, order, 9900, "CNY").json["refund_due"]
    buyer.page.reload()
    expect(buyer.page.locator("#order-note")).to_have_text(
        "Your payment came too late and will be paid back.")
