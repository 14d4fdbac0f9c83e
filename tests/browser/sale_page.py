"""What a person sees and does on a sale page, by the names that a person knows."""

from playwright.sync_api import expect


class SalePage:
    def __init__(self, context, path="/"):
        self.page = context.new_page()
        self.page.goto(path)

    @property
    def button(self):
        return self.page.locator("#buy-button")

    @property
    def message(self):
        return self.page.locator("#message")

    @property
    def count(self):
        return self.page.locator("#figure")

    def buy(self):
        expect(self.button).to_be_enabled()
        self.button.click()

    def order_id(self):
        expect(self.page.locator("#order-id")).not_to_be_empty()
        return self.page.locator("#order-id").inner_text()

    def expect_stage(self, name):
        expect(self.page.locator("#badge")).to_have_text(name)

    def expect_placed(self):
        expect(self.page.locator("#order-state")).to_have_text("It’s yours")
        return self.order_id()

    def cancel(self):
        self.page.get_by_role("button", name="Cancel order").click()
        self.page.get_by_role("button", name="Yes, cancel").click()

    def call_oneself(self, name):
        self.page.get_by_text("Change").click()
        self.page.get_by_label("Your name, e-mail or member number").fill(name)
        self.page.get_by_role("button", name="Save").click()
        expect(self.page.locator("#buyer-name")).to_have_text(name)
