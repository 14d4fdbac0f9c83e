"""Refusals and failures: nothing is bought twice or lost, and the page says what it does."""

import time

from playwright.sync_api import expect

from harness import PATIENCE, eventually, sale
from sale_page import SalePage

ORDERS = "**/v1/sales/demo/orders"


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
