"""The waiting room as its visitors see it."""

import time

from playwright.sync_api import expect

from harness import PATIENCE, eventually, sale
from sale_page import SalePage
from test_buying import rfc3339


def test_the_line_moves_on_by_itself(open_shop, visitor):
    shop = open_shop(sale("demo", 9, waiting_room_rate=1))

    def joins(user):
        reply = shop.frontend.http().request("POST", "/v1/sales/demo/ticket", None,
                                             {"X-User-Id": user})
        return reply.status == 200

    for number in range(8 * PATIENCE):
        eventually(lambda user=f"other-{number}": joins(user), what="a place")
    buyer = SalePage(visitor(shop))
    buyer.buy()
    expect(buyer.message).to_contain_text("in line; your turn comes in about")
    buyer.page.reload()  # the place is kept
    expect(buyer.message).to_contain_text("in line; your turn comes in about")
    buyer.expect_placed()


def test_who_comes_early_has_a_place_without_pressing(open_shop, visitor):
    shop = open_shop(sale("demo", 9, waiting_room_rate=5,
                          starts_at=rfc3339(time.time() + 8 * PATIENCE)))
    buyer = SalePage(visitor(shop))
    expect(buyer.message).to_contain_text("You have a place.")
    [ticket] = [cookie for cookie in buyer.page.context.cookies()
                if cookie["name"] == "sluice-ticket-demo"]
    assert ticket["httpOnly"] and ticket["sameSite"] == "Lax"
    buyer.buy()
    buyer.expect_placed()
    assert shop.frontend.http().get("/v1/sales/demo").json["waiting_room"] is True
    assert shop.frontend.http().get("/v1/sales/demo").json["available"] == 8
