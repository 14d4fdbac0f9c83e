"""How the page hears of changes: by events; by asking, where those do not come; not at all behind
another tab.
"""

import re

import pytest
from playwright.sync_api import expect

from harness import eventually, sale
from sale_page import SalePage

SALE = re.compile(r"/v1/sales/demo$")
SALE_EVENTS = re.compile(r"/v1/sales/demo/events$")
EVENTS = re.compile(r"/events$")


class Streams:
    """The event streams of a page, or of a context's: those that were opened, and still are."""

    def __init__(self, pages):
        self.requests, self.ended = [], []
        pages.on("request", lambda request: self.requests.append(request)
                   if EVENTS.search(request.url) else None)
        for how in ("requestfinished", "requestfailed"):
            pages.on(how, lambda request: self.ended.append(request))

    def open(self):
        return [request.url.split("/v1/")[1] for request in self.requests
                if request not in self.ended]


def show_tab(page, shown):
    """What a browser says to a page when another tab is chosen."""
    page.evaluate("""(hidden) => {
        Object.defineProperty(document, 'hidden', { get: () => hidden, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
    }""", not shown)


def hears_of_a_sale(page, shop, user="somebody"):
    before = int(page.count.inner_text())
    assert shop.frontend.order("demo", user).status == 202
    expect(page.count).to_have_text(str(before - 1))


def test_events_alone_move_the_page(open_shop, visitor):
    shop = open_shop(sale("demo", 12))
    context = visitor(shop)
    context.route(SALE, lambda route: pytest.fail("it asked"))
    page = SalePage(context)
    expect(page.count).to_have_text("12")
    hears_of_a_sale(page, shop)
    changed = shop.frontend.administer("PATCH", "/v1/sales/demo", {"title": "Another mug"},
                                       **{"If-Match": "*"})
    assert changed.status == 200, changed
    expect(page.page.get_by_role("heading", level=1)).to_have_text("Another mug")


@pytest.mark.parametrize("way", ["none", "held back", "refused"])
def test_where_events_do_not_come_the_page_asks(open_shop, visitor, way):
    shop = open_shop(sale("demo", 12))
    context = visitor(shop)
    context.route(EVENTS, {
        "none": lambda route: route.abort(),
        "held back": lambda route: None,  # a proxy that collects the whole answer first
        "refused": lambda route: route.fulfill(status=503, headers={"Retry-After": "600"},
                                               json={"code": "overloaded"}),
    }[way])
    page = SalePage(context)
    hears_of_a_sale(page, shop)
    page.buy()
    page.expect_placed()
    expect(page.page.locator("#note")).not_to_contain_text("No connection")


def test_a_tab_holds_one_connection(open_shop, visitor):
    shop = open_shop(sale("demo", 12))
    context = visitor(shop)
    streams = Streams(context)
    page = SalePage(context)
    expect(page.count).to_have_text("12")
    page.buy()
    order = page.expect_placed()
    eventually(lambda: page.page.evaluate("1") and streams.open() == [f"orders/{order}/events"],
               what="only the order is streamed")
    expect(page.count).to_have_text("11")
    page.cancel()
    expect(page.page.locator("#order-state")).to_have_text("Order cancelled")
    eventually(lambda: page.page.evaluate("1") and streams.open() == ["sales/demo/events"],
               what="only the sale is streamed")
    hears_of_a_sale(page, shop)


def test_an_order_goes_on_where_it_was_after_a_restart(open_shop, visitor):
    shop = open_shop(sale("demo", 12))
    shop.worker.kill9()
    context = visitor(shop)
    streams = Streams(context)
    page = SalePage(context)
    page.buy()
    state = page.page.locator("#order-state")
    expect(state).to_have_text("Reserved for you")
    shop.frontend.kill9()
    expect(page.page.locator("#order-note")).to_contain_text("Your order is safe")
    shop.frontend.start()
    expect(page.page.locator("#order-note")).not_to_contain_text("No connection")
    shop.worker.start()
    page.expect_placed()
    heard = [request.headers.get("last-event-id") for request in streams.requests
             if "/v1/orders/" in request.url]
    assert heard[0] is None and heard[-1] is not None, heard


def streamed_by_a_clock(context):
    """A page that streams the sale, by a clock that the test moves; and its streams."""
    streams = Streams(context)
    page = SalePage(context)
    page.page.clock.install()
    page.page.reload()
    expect(page.button).to_be_enabled()
    eventually(lambda: page.page.evaluate("1") and streams.open() == ["sales/demo/events"],
               what="the sale is streamed")
    return page, streams


def test_a_tab_that_is_not_looked_at_lets_go(open_shop, visitor):
    shop = open_shop(sale("demo", 12))
    page, streams = streamed_by_a_clock(visitor(shop))
    show_tab(page.page, False)
    page.page.clock.fast_forward(5_000)
    show_tab(page.page, True)  # a glance at another tab costs nothing
    page.page.clock.fast_forward(5_001)
    assert streams.open() == ["sales/demo/events"]
    show_tab(page.page, False)
    page.page.clock.fast_forward(10_001)
    eventually(lambda: page.page.evaluate("1") and streams.open() == [], what="it let go")
    page.page.clock.fast_forward(600_000)
    assert shop.frontend.order("demo", "somebody").status == 202
    assert streams.open() == []
    show_tab(page.page, True)
    expect(page.count).to_have_text("11")


def test_a_stream_that_falls_silent_is_opened_again(open_shop, visitor):
    shop = open_shop(sale("demo", 12))
    page, streams = streamed_by_a_clock(visitor(shop))
    before = len(streams.requests)
    page.page.clock.fast_forward(41_000)
    eventually(lambda: page.page.evaluate("1") and len(streams.requests) > before,
               what="another stream")
    hears_of_a_sale(page, shop)


def test_a_list_that_is_not_looked_at_asks_nothing(open_shop, visitor):
    shop = open_shop(sale("demo", 12), sale("other", 3))
    page = visitor(shop).new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url)
            if request.url.endswith("/v1/sales") else None)
    page.clock.install()
    page.goto("/")
    eventually(lambda: page.evaluate("1") and asked, what="it asks")
    show_tab(page, False)
    page.clock.fast_forward(10_001)
    before = len(asked)
    for _ in range(20):
        page.clock.run_for(30_000)
    assert shop.frontend.order("demo", "somebody").status == 202
    assert page.evaluate("1") and len(asked) == before
    show_tab(page, True)
    expect(page.get_by_role("listitem").filter(has_text="The demo sale")).to_contain_text("11 left")
