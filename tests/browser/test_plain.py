"""Buying without JavaScript: the line, the order, paying and calling off, on a phone too."""

import time

import pytest
from playwright.sync_api import expect

from conftest import DESKTOP, PHONE
from harness import PATIENCE, eventually, sale
from test_buying import rfc3339


def arrive(context, path="/", name="ann"):
    """Through the page of the sale to where one buys, under a name."""
    page = context.new_page()
    page.goto(path)
    page.get_by_role("link", name="Buy without JavaScript").click()
    page.get_by_label("Your name, e-mail or member number").fill(name)
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#buyer-name")).to_have_text(name)
    return page


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_an_order_is_placed_and_called_off(open_shop, visitor, viewport):
    shop = open_shop(sale("demo", 5, per_user_limit=3, payment_window="15m"),
                     payment_url="https://pay.example/?order={order}&sum={amount}")
    page = arrive(visitor(shop, viewport, java_script_enabled=False), name="Jörg <1>")
    page.get_by_label("Quantity").fill("2")
    page.get_by_role("button", name="Buy now").click()
    # It asks again by itself until the order is placed.
    expect(page.locator("#order-state")).to_have_text("It’s yours")
    order = page.locator("#order-id").inner_text()
    expect(page.locator("#order-total")).to_have_text("¥198.00")
    assert page.get_by_role("link", name="Pay ¥198.00").get_attribute("href") == \
        f"https://pay.example/?order={order}&sum=19800"
    assert list(shop.ledger().holding("demo")) == [order]
    page.get_by_text("Cancel order").click()
    page.get_by_role("button", name="Yes, cancel").click()
    expect(page.locator("#order-state")).to_have_text("Order cancelled")
    page.get_by_role("link", name="Back to the sale").click()
    expect(page.locator("#figure")).to_have_text("5")
    page.get_by_role("button", name="Buy now").click()
    expect(page.locator("#order-state")).to_have_text("It’s yours")
    assert page.locator("#order-id").inner_text() != order
    page.get_by_role("link", name="Back to the sale").click()
    expect(page.get_by_role("button", name="Buy another")).to_be_visible()
    expect(page.locator(".mine li")).to_have_count(2)


def test_the_start_comes_by_itself(open_shop, visitor):
    shop = open_shop(sale("demo", 5, starts_at=rfc3339(time.time() + 6 * PATIENCE)))
    page = arrive(visitor(shop, java_script_enabled=False))
    expect(page.locator("#badge")).to_have_text("Opening soon")
    page.get_by_role("button", name="Buy now").click()
    expect(page.locator("#order-state")).to_have_text("It’s yours")


def test_in_line_until_called(open_shop, visitor):
    shop = open_shop(sale("demo", 9, waiting_room_rate=1))

    def joins(user):
        reply = shop.frontend.http().request("POST", "/v1/sales/demo/ticket", None,
                                             {"X-User-Id": user})
        return reply.status == 200

    for number in range(6 * PATIENCE):
        eventually(lambda user=f"other-{number}": joins(user), what="a place")
    context = visitor(shop, java_script_enabled=False)
    page = arrive(context)
    expect(page.locator("#message")).to_contain_text("in line; your turn comes in about")
    expect(page.get_by_role("button", name="Buy now")).to_have_count(0)
    [ticket] = [cookie for cookie in context.cookies() if cookie["name"] == "sluice-ticket-demo"]
    assert ticket["httpOnly"] and ticket["sameSite"] == "Lax"
    # No hand reloads it: the button is there when he is called.
    expect(page.locator("#message")).to_have_text("It is your turn. Please order within ten "
                                                  "minutes.", timeout=60_000 * PATIENCE)
    page.get_by_role("button", name="Buy now").click()
    expect(page.locator("#order-state")).to_have_text("It’s yours")


def test_sold_out_and_back(open_shop, visitor):
    shop = open_shop(sale("demo", 1))
    page = arrive(visitor(shop, java_script_enabled=False))
    other = shop.frontend.order("demo", "other")
    assert other.status == 202
    page.get_by_role("button", name="Buy now").click()
    expect(page.locator("#message")).to_contain_text("Just sold out. Nothing was reserved.")
    expect(page.get_by_role("button", name="Buy now")).to_have_count(0)
    cancelled = shop.frontend.http().request("DELETE", other.headers["Location"], None,
                                             {"X-User-Id": "other"})
    assert cancelled.status == 200, cancelled
    page.get_by_role("button", name="Buy now").click(timeout=60_000 * PATIENCE)
    expect(page.locator("#order-state")).to_have_text("It’s yours")


def test_a_form_of_another_site_buys_nothing(open_shop, visitor):
    shop = open_shop(sale("demo", 5))
    context = visitor(shop)
    page = arrive(visitor(shop, java_script_enabled=False))
    ann = page.context.cookies()
    context.add_cookies(ann)
    elsewhere = context.new_page()
    elsewhere.route("https://elsewhere.example/", lambda route: route.fulfill(
        content_type="text/html",
        body=f"""<form method="post" action="http://{shop.frontend.listen}/sales/demo/buy">
            <input name="quantity" value="1"><input name="slot" value="0"><button>Win</button>
            </form>"""))
    elsewhere.goto("https://elsewhere.example/")
    elsewhere.get_by_role("button", name="Win").click()
    expect(elsewhere.get_by_role("heading", level=1)).to_have_text("This came from another site")
    assert shop.frontend.http().get("/v1/sales/demo").json["available"] == 5
