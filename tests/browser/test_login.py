"""The page of a shop that has people log in: the token is in a cookie that scripts cannot see."""

import http.server
import threading
import time
import urllib.parse

import pytest
from playwright.sync_api import expect

from harness import sale
from sale_page import SalePage
from test_who_may_buy import hs256, secret_file


class Issuer(http.server.BaseHTTPRequestHandler):
    """Logs in as ann whoever comes, and sends him back. Cookies know no ports: one host does."""

    def do_GET(self):
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        self.send_response(303)
        self.send_header("Set-Cookie", f"session={self.server.token}; HttpOnly; SameSite=Lax; "
                                       "Path=/")
        self.send_header("Location", f"http://{self.server.shop}{query['to']}")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def issuer():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Issuer)
    server.token = hs256("ann")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def shop(open_shop, tmp_path, issuer):
    parts = open_shop(sale("demo", 5, per_user_limit=2), auth="jwt", jwt_cookie="session",
                      jwt_secret_files=secret_file(tmp_path),
                      login_url=f"http://127.0.0.1:{issuer.server_port}/login?to={{path}}")
    issuer.shop = parts.frontend.listen
    return parts



def test_log_in_buy_and_call_off(shop, visitor):
    buyer = SalePage(visitor(shop), "/?lang=en")
    expect(buyer.button).to_be_hidden()
    expect(buyer.page.get_by_text("Change")).to_be_hidden()
    buyer.page.get_by_role("link", name="Log in to buy").click()
    expect(buyer.page.locator("#member")).to_have_text("Buying as ann")
    assert buyer.page.url.endswith("/?lang=en")
    buyer.buy()
    buyer.expect_placed()
    assert buyer.page.evaluate("document.cookie") == ""
    buyer.page.reload()
    buyer.expect_placed()
    # Another browser of hers finds the order.
    other = SalePage(visitor(shop))
    other.page.get_by_role("link", name="Log in to buy").click()
    other.expect_placed()
    other.cancel()
    expect(buyer.page.locator("#order-state")).to_have_text("Order cancelled")


def test_a_login_that_is_over_is_said(shop, visitor):
    context = visitor(shop)
    context.add_cookies([{"name": "session", "value": hs256("ann"), "httpOnly": True,
                          "url": f"http://{shop.frontend.listen}"}])
    buyer = SalePage(context)
    expect(buyer.button).to_be_enabled()
    context.add_cookies([{"name": "session", "value": hs256("ann", exp=int(time.time()) - 60),
                          "httpOnly": True, "url": f"http://{shop.frontend.listen}"}])
    buyer.button.click()
    expect(buyer.message).to_have_text("Please log in. Nothing was reserved.")
    buyer.page.get_by_role("link", name="Log in to buy").click()
    buyer.buy()
    buyer.expect_placed()


def test_without_javascript(shop, visitor):
    page = visitor(shop, java_script_enabled=False).new_page()
    page.goto("/sales/demo/buy")
    expect(page.get_by_role("button")).to_have_count(0)
    page.get_by_role("link", name="Log in to buy").click()
    expect(page.locator("#buyer-name")).to_have_text("ann")
    page.get_by_role("button", name="Buy now").click()
    expect(page.locator("#order-state")).to_have_text("It’s yours")
