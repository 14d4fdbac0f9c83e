"""Refusals and failures: nothing is bought twice or lost, and the page says what it does."""

import re
import time

import pytest
from playwright.sync_api import expect

from harness import PATIENCE, eventually, sale
from sale_page import SalePage

ORDERS = "**/v1/sales/demo/orders"
SALE = re.compile(r"/v1/sales/demo(/events)?$")


def orders_of(shop):
    return list(shop.ledger().orders)


def test_the_broker_goes_and_comes_back(open_shop, visitor):
    shop = open_shop(sale("demo", 5))
    buyer = SalePage(visitor(shop))
    expect(buyer.button).to_be_enabled()
    shop.broker.kill9()
    eventually(lambda: not shop.frontend.is_ready(), what="the frontend misses its broker")
    buyer.buy()
    expect(buyer.message).to_contain_text("Nothing was reserved yet; trying again in")
    expect(buyer.page.get_by_role("button", name="Stop trying")).to_be_visible()
    shop.broker.start()
    order = buyer.expect_placed()
    expect(buyer.message).to_be_hidden()
    assert orders_of(shop) == [order]


def test_the_shop_is_away_when_the_button_is_pressed(open_shop, visitor):
    shop = open_shop(sale("demo", 5, per_user_limit=5))
    buyer = SalePage(visitor(shop))
    expect(buyer.button).to_be_enabled()
    shop.frontend.kill9()
    buyer.buy()
    expect(buyer.message).to_contain_text("No connection. Trying again in")
    shop.frontend.start()
    order = buyer.expect_placed()
    assert orders_of(shop) == [order]


# What the shop may answer to a press, and what the page makes of it in each language.
REFUSALS = [
    (409, {"code": "sold-out"}, "Just sold out. Nothing was reserved.", "刚刚售罄"),
    (409, {"code": "sale-paused"}, "The sale was paused. Nothing was reserved.", "活动已暂停"),
    (410, {"code": "sale-ended"}, "The sale is over. Nothing was reserved.", "活动已结束"),
    (429, {"code": "rate-limited", "limit": "ip"},
     "Too many tries from here. Nothing was reserved yet", "尝试过于频繁"),
    (429, {"code": "rate-limited", "limit": "global"},
     "A lot of people are here right now.", "当前人数较多"),
    (503, {"code": "overloaded"}, "A lot of people are here right now.", "当前人数较多"),
    (400, {"code": "invalid-request", "detail": "quantity: 1 to 5"},
     "The shop did not understand: quantity: 1 to 5", "quantity: 1 to 5"),
    (418, None, "The shop did not understand: 418", "418"),
]


@pytest.mark.parametrize("status, body, english, chinese", REFUSALS, ids=range(len(REFUSALS)))
def test_each_refusal_has_its_words(open_shop, visitor, status, body, english, chinese):
    shop = open_shop(sale("demo", 5))
    for locale, words in (("en-GB", english), ("zh-CN", chinese)):
        context = visitor(shop, locale=locale)
        context.route(ORDERS, lambda route: route.fulfill(
            status=status, headers={"Retry-After": "30"}, json=body) if body else
            route.fulfill(status=status, body="no JSON"))
        context.route(SALE, lambda route: route.abort())  # which would tell that five are left
        buyer = SalePage(context)
        buyer.buy()
        expect(buyer.message).to_contain_text(words)
        expect(buyer.page.locator("#order")).to_be_hidden()
    assert orders_of(shop) == []


def test_a_rate_limit_is_waited_for(open_shop, visitor):
    shop = open_shop(sale("demo", 5, per_user_limit=5), rate_limit_user="10/m burst 1")
    buyer = SalePage(visitor(shop))
    buyer.call_oneself("ann")
    expect(buyer.button).to_be_enabled()
    first = shop.frontend.order("demo", "ann", key="by-telephone").json["order_id"]
    buyer.buy()
    expect(buyer.message).to_contain_text("Too many tries from here.")
    second = buyer.expect_placed()
    assert sorted(orders_of(shop)) == sorted([first, second])


def test_one_may_stop_trying(open_shop, visitor):
    shop = open_shop(sale("demo", 5))
    buyer = SalePage(visitor(shop))
    expect(buyer.button).to_be_enabled()
    buyer.page.route(ORDERS, lambda route: route.fulfill(
        status=503, headers={"Retry-After": "600"}, json={"code": "log-unavailable"}))
    buyer.buy()
    buyer.page.get_by_role("button", name="Stop trying").click()
    expect(buyer.message).to_contain_text("Stopped.")
    buyer.page.unroute(ORDERS)
    buyer.buy()
    assert orders_of(shop) == [buyer.expect_placed()]


def test_retry_after_is_kept_and_the_key_stays(open_shop, visitor):
    shop = open_shop(sale("demo", 5))
    buyer = SalePage(visitor(shop))
    seen = []

    def refuse_once(route):
        seen.append((time.monotonic(), route.request.headers["idempotency-key"]))
        if len(seen) > 1:
            route.continue_()
        else:
            route.fulfill(status=429, headers={"Retry-After": "2"}, json={"code": "too-many"})

    buyer.page.route(ORDERS, refuse_once)
    buyer.buy()
    expect(buyer.message).to_contain_text("trying again in")
    buyer.expect_placed()
    (first, key), (second, same_key) = seen
    assert key == same_key
    # Up to half more of it, so that a crowd does not come back together.
    assert 2 <= second - first < 3 + 2 * PATIENCE


def test_an_answer_that_is_lost_costs_nothing(open_shop, visitor):
    shop = open_shop(sale("demo", 5, per_user_limit=5))
    buyer = SalePage(visitor(shop))
    answers = []

    def lose_once(route):
        answers.append(route.fetch())
        if len(answers) == 1:
            route.abort()
        else:
            route.fulfill(response=answers[-1])

    buyer.page.route(ORDERS, lose_once)
    buyer.buy()
    order = buyer.expect_placed()
    assert [answer.status for answer in answers] == [202, 202]
    assert answers[1].headers["idempotency-replayed"] == "true"
    assert orders_of(shop) == [order]


def test_a_reload_while_the_answer_is_on_its_way(open_shop, visitor):
    shop = open_shop(sale("demo", 5, per_user_limit=5))
    buyer = SalePage(visitor(shop))
    reached = []

    def never_answer(route):
        reached.append(route.fetch())

    buyer.page.route(ORDERS, never_answer)
    buyer.buy()
    expect(buyer.button).to_have_text("Reserving yours…")
    eventually(lambda: buyer.page.evaluate("1") and reached, what="the shop has the order")
    buyer.page.unroute(ORDERS)
    buyer.page.reload()
    assert buyer.expect_placed() == reached[0].json()["order_id"]
    assert len(orders_of(shop)) == 1


def test_the_shop_restarts_while_an_order_is_shown(open_shop, visitor):
    shop = open_shop(sale("demo", 5))
    shop.worker.kill9()
    buyer = SalePage(visitor(shop))
    buyer.buy()
    expect(buyer.page.locator("#order-state")).to_have_text("Reserved for you")
    shop.frontend.kill9()
    expect(buyer.page.locator("#order-note")).to_contain_text("Your order is safe")
    expect(buyer.page.locator("#note")).to_have_text("No connection. The count may be old.")
    shop.frontend.start()
    shop.worker.start()
    buyer.expect_placed()
    expect(buyer.page.locator("#note")).not_to_contain_text("No connection")


def test_an_order_that_the_shop_does_not_know(open_shop, visitor):
    shop = open_shop(sale("demo", 5))
    buyer = SalePage(visitor(shop))
    buyer.buy()
    buyer.expect_placed()
    buyer.page.route("**/v1/orders/**", lambda route: route.fulfill(
        status=404, json={"code": "no-such-order"}))
    buyer.page.reload()
    expect(buyer.message).to_have_text("This order is not known to the shop any more.")
    expect(buyer.button).to_be_enabled()


def test_what_the_browser_keeps_may_be_anything(open_shop, visitor):
    shop = open_shop(sale("demo", 5))
    buyer = SalePage(visitor(shop))
    for kept in ('{"intent":', '{"intent":"x","order":7,"pressedAt":"now"}', "null"):
        buyer.page.evaluate("""(kept) => {
            localStorage.setItem('sluice:buyer', 'ann');
            localStorage.setItem('sluice:sale:demo:ann', kept); }""", kept)
        buyer.page.reload()
        expect(buyer.page.locator("#buyer-name")).to_have_text("ann")
        expect(buyer.button).to_be_enabled()
    buyer.buy()
    buyer.expect_placed()


def test_without_storage_the_page_still_sells(open_shop, visitor):
    shop = open_shop(sale("demo", 5))
    context = visitor(shop)
    context.add_init_script("""Object.defineProperty(window, 'localStorage', {
        get() { throw new DOMException('refused', 'SecurityError'); } });""")
    buyer = SalePage(context)
    buyer.buy()
    assert orders_of(shop) == [buyer.expect_placed()]
