"""The page as it is read: without JavaScript, on a phone, in Chinese, by assistive technology."""

import pytest
from playwright.sync_api import expect

from conftest import DESKTOP, PHONE
from harness import sale
from sale_page import SalePage

LONG = "Sluice mug, first edition, stoneware, dishwasher-safe, " + "verylongword" * 6
SALES = [sale("mug", 1000, title=LONG), sale("poster", 7, 3, title="午夜海报 <b>&",
                                             ends_at="2099-12-31T12:00:00Z"),
         sale("later", 50, starts_at="2099-01-01T00:00:00Z"),
         sale("over", 5, ends_at="2001-01-01T00:00:00Z")]
PATHS = ["/", *(f"/sales/{each['id']}" for each in SALES), "/sales/none",
         *(f"/sales/{each['id']}/buy" for each in SALES)]


def test_without_javascript(open_shop, visitor):
    shop = open_shop(*SALES)
    page = visitor(shop, java_script_enabled=False).new_page()
    page.goto("/")
    expect(page.get_by_role("listitem")).to_have_count(len(SALES))
    page.get_by_role("link", name="午夜海报").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("午夜海报 <b>&")
    for text in ("¥99.00", "On sale now", "2099-12-31 12:00 UTC"):
        expect(page.get_by_text(text)).to_be_visible()
    expect(page.locator("noscript .message")).to_contain_text("reload it for newer ones")
    expect(page.get_by_role("link", name="Buy without JavaScript")).to_be_visible()
    expect(page.locator("#figure")).to_have_text("7")
    expect(page.get_by_role("button")).to_have_count(0)
    page.goto("/sales/later")
    expect(page.locator("#figure")).to_have_text("2099-01-01 00:00 UTC")
    expect(page.get_by_text("The button opens by itself")).to_be_hidden()  # there is none


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("viewport", [PHONE, {"width": 320, "height": 568}, DESKTOP],
                         ids=["phone", "small phone", "desktop"])
def test_no_page_is_wider_than_its_window(open_shop, visitor, viewport, language):
    shop = open_shop(*SALES)
    page = visitor(shop, viewport).new_page()
    for path in PATHS:
        page.goto(f"{path}?lang={language}")
        if page.locator("#buy").count():
            expect(page.locator("#clock")).to_be_visible()  # its script has run
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= viewport["width"], f"{path} is {width} wide"


@pytest.mark.parametrize("width", [390, 320])
def test_no_order_is_wider_than_a_phone(open_shop, visitor, width):
    shop = open_shop(sale("demo", 5, title=LONG, payment_window="15m"),
                     payment_url="https://pay.example/?order={order}", payment_secret="s" * 32)
    buyer = SalePage(visitor(shop, {"width": width, "height": 844}))

    def check(what):
        seen = buyer.page.evaluate("document.documentElement.scrollWidth")
        assert seen <= width, f"{what} is {seen} wide"

    buyer.page.get_by_text("Change").click()
    check("the name")
    buyer.page.get_by_text("Change").click()
    buyer.buy()
    buyer.expect_placed()
    expect(buyer.page.locator("#pay")).to_be_visible()
    check("the order")
    buyer.page.get_by_role("button", name="Cancel order").click()
    expect(buyer.page.get_by_role("button", name="Yes, cancel")).to_be_in_viewport(ratio=1)
    check("the question")


def test_on_a_small_phone_the_button_is_in_sight(open_shop, visitor):
    shop = open_shop(sale("demo", 5))
    buyer = SalePage(visitor(shop, {"width": 375, "height": 667}))
    expect(buyer.button).to_be_in_viewport(ratio=1)
    buyer.buy()
    buyer.expect_placed()


def test_chinese(open_shop, visitor):
    shop = open_shop(sale("demo", 5))
    page = visitor(shop, locale="zh-CN").new_page()
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("lang", "zh")
    expect(page.locator("#badge")).to_have_text("正在抢购")
    page.get_by_role("button", name="立即抢购").click()
    expect(page.locator("#order-state")).to_have_text("抢到了！")
    page.get_by_role("link", name="English").click()
    expect(page.locator("#order-state")).to_have_text("It’s yours")
    expect(page.get_by_role("link", name="English")).to_have_attribute("aria-current", "true")
    page.get_by_role("link", name="Sluice").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")  # it stays chosen


def test_the_list_is_live(open_shop, visitor):
    shop = open_shop(*SALES)
    page = visitor(shop).new_page()
    page.goto("/")
    row = page.get_by_role("listitem").filter(has_text="午夜海报")
    expect(row).to_contain_text("7 left")
    assert shop.frontend.order("poster", "ann", quantity=3).status == 202
    expect(row).to_contain_text("4 left")
    # A sale that comes appears, in its place; one that is paused says so.
    made = shop.frontend.administer("POST", "/v1/sales", {"id": "new", "stock": 3, "title": "New"})
    assert made.status == 201, made
    expect(page.get_by_role("listitem")).to_have_count(len(SALES) + 1)
    expect(page.locator('[data-sale="new"]')).to_contain_text("3 left")
    assert shop.frontend.administer("POST", "/v1/sales/poster/pause", **{"If-Match": "*"}).status \
        == 200
    expect(row).to_contain_text("Paused")


def test_a_list_without_sales_becomes_the_first_sale(open_shop, visitor):
    shop = open_shop()
    page = visitor(shop).new_page()
    page.goto("/")
    expect(page.get_by_text("There is no sale at the moment")).to_be_visible()
    assert shop.frontend.administer("POST", "/v1/sales", {"id": "new", "stock": 3}).status == 201
    expect(page.get_by_role("button", name="Buy now")).to_be_enabled()


def test_everything_that_is_used_has_a_name(open_shop, visitor):
    shop = open_shop(sale("demo", 5, 3))
    page = SalePage(visitor(shop)).page
    expect(page.get_by_role("button", name="Buy now")).to_be_enabled()
    nameless = page.evaluate("""[...document.querySelectorAll('a, button, input, summary')]
        .filter((e) => e.checkVisibility())
        .filter((e) => !(e.ariaLabel || e.innerText.trim() || e.labels?.length))
        .map((e) => e.outerHTML)""")
    assert nameless == []
    for name in ("One less", "One more", "Buy now"):
        expect(page.get_by_role("button", name=name)).to_be_visible()
    expect(page.get_by_label("Quantity")).to_be_visible()


def test_those_who_hear_the_page_are_told_what_changes_once(open_shop, visitor):
    shop = open_shop(sale("demo", 5, payment_window="15m"))
    context = visitor(shop)
    context.add_init_script("""window.told = [];
        addEventListener('DOMContentLoaded', () => new MutationObserver(() =>
            told.push(document.querySelector('[aria-live=polite]').textContent)).observe(
                document.querySelector('[aria-live=polite]'), { childList: true }));""")
    refused = []

    def refuse_once(route):
        refused.append(route)
        if len(refused) > 1:
            route.continue_()
        else:
            route.fulfill(status=503, headers={"Retry-After": "2"}, json={"code": "overloaded"})

    context.route("**/v1/sales/demo/orders", refuse_once)
    buyer = SalePage(context)
    buyer.buy()
    buyer.expect_placed()
    # Its seconds run down, which is seen and not said.
    expect(buyer.page.locator("#order-note")).to_contain_text("Please pay within 14:57")
    told = buyer.page.evaluate("told")
    assert sum("Nothing was reserved yet; trying again" in text for text in told) == 1, told
    assert sum("It’s yours. Your order is placed. Please pay" in text for text in told) == 1, told
    assert len(told) <= 4, told  # refused, under way and confirmed, placed
    buyer.cancel()
    expect(buyer.page.locator("#announce")).to_contain_text("Order cancelled. The unit went back")


# WCAG 2's contrast of an element's colour to the nearest ground of one colour.
CONTRAST = """(element) => {
  const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 });
  const brush = canvas.getContext('2d', { willReadFrequently: true });
  const light = (color) => {
    brush.clearRect(0, 0, 1, 1);
    brush.fillStyle = color;
    brush.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...brush.getImageData(0, 0, 1, 1).data].map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  let ground = element;
  const clear = 'rgba(0, 0, 0, 0)';
  while (getComputedStyle(ground).backgroundColor === clear) ground = ground.parentElement;
  const colors = [getComputedStyle(element).color, getComputedStyle(ground).backgroundColor];
  const [a, b] = colors.map(light);
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(open_shop, visitor, scheme):
    shop = open_shop(sale("demo", 5, payment_window="15m"))
    buyer = SalePage(visitor(shop, color_scheme=scheme))
    expect(buyer.button).to_be_enabled()

    def check(*selectors):
        for selector in selectors:
            ratio = buyer.page.locator(selector).first.evaluate(CONTRAST)
            assert ratio >= 4.5, f"{selector} has {ratio:.2f} in {scheme}"

    check("h1", ".price data", ".facts dt", ".facts dd", "#buy-button", ".change", "#clock",
          ".promises p", ".languages a")
    buyer.buy()
    buyer.expect_placed()
    check("#order-state", "#order-note", "#order-id", ".order dt", ".steps li", "#cancel")
    buyer.page.get_by_role("button", name="Cancel order").click()
    check("#sure-text", "#cancel-yes")
    buyer.page.goto("/sales/none")
    check("h1", ".notice p", ".secondary")


def test_who_asks_for_less_motion_gets_none(open_shop, visitor):
    shop = open_shop(sale("demo", 5))
    still, moving = (SalePage(visitor(shop, reduced_motion=motion)).page
                     for motion in ("reduce", "no-preference"))
    count = "document.getAnimations().length"
    assert moving.evaluate(count) > 0
    assert still.evaluate(count) == 0
