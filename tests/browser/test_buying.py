"""From the countdown to the placed order."""

import datetime
import re
import time

import pytest
from playwright.sync_api import expect

from harness import PATIENCE, sale
from sale_page import SalePage


def rfc3339(unix_seconds):
    at = datetime.datetime.fromtimestamp(unix_seconds, datetime.timezone.utc)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def grant(shop, name, units):
    reply = shop.frontend.administer("POST", f"/v1/sales/{name}/grants", {"units": units},
                                     **{"If-Match": "*", "Idempotency-Key": f"grant-{units}"})
    assert reply.status == 200, reply


def reserves(shop, name="demo"):
    return [order for order, what in shop.ledger().orders.items() if what["sale"] == name]


def open_before_the_start(shop, context):
    """(sale, its start, its page): soon on a fast machine, with time to load on a slow one."""
    for seconds in (8, 24, 72):
        name, starts = f"in-{seconds}", time.time() + seconds
        created = shop.frontend.administer("POST", "/v1/sales", {
            "id": name, "title": "Soon", "stock": 3, "unit_price": 9900,
            "starts_at": rfc3339(starts)})
        assert created.status == 201, created
        page = SalePage(context, f"/sales/{name}")
        if time.time() < starts - seconds / 2:
            return name, starts, page
    raise AssertionError("the page is not there before the sale starts")


@pytest.mark.parametrize("wrong_by_hours", [0, 3, -3])
def test_the_button_opens_by_itself_at_the_start(open_shop, visitor, wrong_by_hours):
    shop = open_shop(sale("first", 1))
    context = visitor(shop)
    context.add_init_script(f"""
        const rightNow = Date.now;
        Date.now = () => rightNow() + {wrong_by_hours} * 3_600_000;
        new MutationObserver(() => {{
          if (document.querySelector('#buy-button:enabled')) window.openedAt ??= rightNow();
        }}).observe(document, {{ attributes: true, childList: true, subtree: true }});""")
    name, starts, soon = open_before_the_start(shop, context)
    soon.expect_stage("Opening soon")
    expect(soon.button).to_be_disabled()
    expect(soon.page.get_by_role("timer")).to_contain_text("sec")
    soon.buy()
    late = soon.page.evaluate("window.openedAt") / 1000 - starts
    assert -0.1 * PATIENCE < late < 1 * PATIENCE, f"opened {late} s after the start"
    soon.expect_stage("On sale now")
    order = soon.expect_placed()
    assert reserves(shop, name) == [order]


def test_an_order_moves_to_placed_by_itself(open_shop, visitor):
    shop = open_shop(sale("demo", 12))
    buyer, other = SalePage(visitor(shop)), SalePage(visitor(shop))
    expect(other.count).to_have_text("12")
    buyer.buy()
    order = buyer.expect_placed()
    [(row, _, state)] = shop.worker.rows()
    assert (row, state) == (order, "placed")
    expect(buyer.button).to_be_hidden()
    expect(other.count).to_have_text("11")  # nobody touched this page
    expect(other.page.locator("#order")).to_be_hidden()


def test_an_order_waits_on_the_page_until_a_worker_comes(open_shop, visitor):
    shop = open_shop(sale("demo", 5))
    shop.worker.kill9()
    buyer = SalePage(visitor(shop))
    buyer.buy()
    expect(buyer.page.locator("#order-state")).to_have_text("Reserved for you")
    expect(buyer.page.locator(".steps .current")).to_have_text("Placed")
    shop.worker.start()
    buyer.expect_placed()


def test_sold_out_and_on_sale_again(open_shop, visitor):
    shop = open_shop(sale("demo", 1))
    late = SalePage(visitor(shop))
    expect(late.button).to_be_enabled()
    assert shop.frontend.order("demo", "somebody").status == 202
    late.expect_stage("Sold out")
    expect(late.button).to_be_disabled()
    expect(late.button).to_have_text("Sold out")
    expect(late.count).to_have_text("0")
    grant(shop, "demo", 2)
    late.expect_stage("On sale now")
    late.buy()
    late.expect_placed()
    expect(late.count).to_have_text("1")


def test_sold_out_between_look_and_press(open_shop, visitor):
    shop = open_shop(sale("demo", 1))
    context = visitor(shop)
    unheard = re.compile(r"/v1/sales/demo(/events)?$")
    context.route(unheard, lambda route: route.abort())  # it does not learn of it
    late = SalePage(context)
    expect(late.button).to_be_enabled()
    assert shop.frontend.order("demo", "somebody").status == 202
    late.buy()
    expect(late.message).to_contain_text("Just sold out. Nothing was reserved.")
    expect(late.page.locator("#order")).to_be_hidden()
    context.unroute(unheard)
    late.expect_stage("Sold out")


def test_fewer_are_left_than_wanted(open_shop, visitor):
    shop = open_shop(sale("demo", 1, per_user_limit=3))
    buyer = SalePage(visitor(shop))
    buyer.page.get_by_label("Quantity").fill("2")
    buyer.buy()
    expect(buyer.message).to_have_text("Fewer than 2 are left. Nothing was reserved.")
    buyer.page.get_by_label("Quantity").fill("1")
    buyer.buy()
    buyer.expect_placed()


def test_a_reload_and_a_second_tab_find_the_same_order(open_shop, visitor):
    shop = open_shop(sale("demo", 5))
    context = visitor(shop)
    first, second = SalePage(context), SalePage(context)
    expect(second.button).to_be_enabled()
    first.buy()
    order = first.expect_placed()
    assert second.expect_placed() == order  # it was open all the time
    first.page.reload()
    assert first.expect_placed() == order
    third = SalePage(context, "/sales/demo")
    assert third.expect_placed() == order
    assert reserves(shop) == [order]


def test_tabs_that_press_at_once_have_one_order(open_shop, visitor):
    shop = open_shop(sale("demo", 9, per_user_limit=5))
    context = visitor(shop)
    tabs = [SalePage(context) for _ in range(3)]
    for tab in tabs:
        expect(tab.button).to_be_enabled()
    held = []

    def hold(route):
        held.append(route)
        if len(held) == len(tabs):
            for each in held:
                each.continue_()

    # No press is answered before the last one.
    context.route("**/v1/sales/demo/orders", hold)
    for tab in tabs:
        tab.button.click()
    orders = {tab.expect_placed() for tab in tabs}
    assert len(orders) == 1 and reserves(shop) == list(orders)


def test_a_press_does_not_fall_on_what_the_button_has_just_become(open_shop, visitor):
    shop = open_shop(sale("demo", 9, per_user_limit=5))
    context = visitor(shop)
    first, second = SalePage(context), SalePage(context)
    expect(second.button).to_be_enabled()
    second.page.evaluate("""() => {
        const button = document.querySelector('#buy-button');
        new MutationObserver(() => {
            if (button.textContent === 'Buy another') window.wasDisabled ??= button.disabled;
        }).observe(button, { childList: true });
    }""")
    first.buy()
    expect(second.button).to_have_text("Buy another")
    assert second.page.evaluate("wasDisabled")
    expect(second.button).to_be_enabled()


def test_who_buys_and_how_many(open_shop, visitor):
    shop = open_shop(sale("demo", 9, per_user_limit=3))
    buyer = SalePage(visitor(shop))
    buyer.call_oneself("小明 & Co")
    buyer.page.get_by_role("button", name="One more").click()
    expect(buyer.page.get_by_label("Quantity")).to_have_value("2")
    buyer.buy()
    first = buyer.expect_placed()
    assert shop.worker.rows("order_id, user_id, quantity") == [(first, "小明 & Co", 2)]
    expect(buyer.page.locator("#order-total")).to_have_text("¥198.00")
    # One more is within the limit, another two would not be.
    expect(buyer.button).to_have_text("Buy another")
    buyer.page.get_by_role("button", name="One less").click()
    buyer.buy()
    expect(buyer.page.locator("#order-quantity")).to_have_text("1")
    second = buyer.expect_placed()
    assert second != first
    buyer.buy()
    expect(buyer.message).to_have_text("You have reached the limit of 3 per person.")
    assert sorted(reserves(shop)) == sorted([first, second])


def test_the_same_name_elsewhere_finds_the_order(open_shop, visitor):
    shop = open_shop(sale("demo", 9))
    order = shop.frontend.order("demo", "ann", key="by-telephone").json["order_id"]
    buyer = SalePage(visitor(shop))
    buyer.call_oneself("ann")
    assert buyer.expect_placed() == order
    buyer.call_oneself("bob")
    expect(buyer.page.locator("#order")).to_be_hidden()
    expect(buyer.button).to_be_enabled()


def test_an_order_of_elsewhere_is_found_by_pressing(open_shop, visitor):
    shop = open_shop(sale("demo", 9))
    buyer = SalePage(visitor(shop))
    buyer.call_oneself("ann")
    order = shop.frontend.order("demo", "ann", key="by-telephone").json["order_id"]
    buyer.buy()
    assert buyer.expect_placed() == order
    expect(buyer.message).to_have_text("You have reached the limit of 1 per person.")


def test_paused_and_resumed(open_shop, visitor):
    shop = open_shop(sale("demo", 9))
    buyer = SalePage(visitor(shop))
    expect(buyer.button).to_be_enabled()
    for action, stage in (("pause", "Paused"), ("resume", "On sale now")):
        done = shop.frontend.administer("POST", f"/v1/sales/demo/{action}", **{"If-Match": "*"})
        assert done.status == 200, done
        buyer.expect_stage(stage)
    buyer.buy()
    buyer.expect_placed()


def test_it_ends_while_one_looks(open_shop, visitor):
    shop = open_shop(sale("demo", 9))
    buyer = SalePage(visitor(shop))
    expect(buyer.button).to_be_enabled()
    done = shop.frontend.administer("POST", "/v1/sales/demo/close", **{"If-Match": "*"})
    assert done.status == 200, done
    buyer.expect_stage("Ended")
    expect(buyer.button).to_be_disabled()


def test_by_keyboard_alone(open_shop, visitor):
    shop = open_shop(sale("demo", 9))
    buyer = SalePage(visitor(shop))
    expect(buyer.button).to_be_enabled()
    for _ in range(10):
        buyer.page.keyboard.press("Tab")
        if buyer.page.evaluate("document.activeElement.id") == "buy-button":
            break
    buyer.page.keyboard.press("Enter")
    buyer.expect_placed()
    # The button has gone; what came of it has the focus, and the next stop is behind it.
    expect(buyer.page.locator("#order-state")).to_be_focused()
    buyer.page.keyboard.press("Tab")
    buyer.page.keyboard.press("Enter")
    expect(buyer.page.get_by_role("button", name="Keep it")).to_be_focused()
    buyer.page.keyboard.press("Shift+Tab")
    buyer.page.keyboard.press("Enter")
    expect(buyer.page.locator("#order-state")).to_have_text("Order cancelled")


@pytest.mark.parametrize("work", [0, 14])
def test_a_sale_that_asks_for_a_purchase_token(open_shop, visitor, work):
    """The page gets it, and works for it, when the button is pressed; nobody has to know."""
    shop = open_shop(sale("demo", 5, per_user_limit=2, purchase_token="required",
                          proof_of_work=work))
    assert shop.frontend.order("demo", "bot").json["code"] == "purchase-token-required"
    buyer = SalePage(visitor(shop))
    buyer.buy()
    first = buyer.expect_placed()
    shop.frontend.kill9()
    shop.frontend.start().wait_ready()  # with another secret: the token of before is none
    expect(buyer.button).to_have_text("Buy another")
    buyer.buy()
    expect(buyer.page.locator("#order-id")).not_to_have_text(first)
    second = buyer.expect_placed()
    assert sorted(reserves(shop)) == sorted([first, second])
