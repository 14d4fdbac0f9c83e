"""Chromium on the real daemons. A page that logs an error or breaks its own policy fails its test;
a test that fails leaves a picture of each page in its tmp_path.
"""

import pathlib
import re
import sys

import pytest
from playwright.sync_api import Error, expect, sync_playwright

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "integration"))

import harness  # noqa: E402
from fixtures import *  # noqa: E402,F401,F403

CHROMIUM = "/usr/bin/chromium"
TOKEN = "0123456789abcdef-of-the-tests"
DESKTOP = {"width": 1280, "height": 860}
PHONE = {"width": 390, "height": 844}
# What Chromium itself says of an answer that is no 2xx, or of none: the shop is made to refuse.
REFUSALS = re.compile(r"Failed to load resource: (?:the server responded with|net::ERR_)")

expect.set_options(timeout=15_000 * harness.PATIENCE)


@pytest.fixture(scope="session")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visitor(chromium, tmp_path):
    """visitor(shop, …) is somebody with a browser of his own; further words are Playwright's."""
    contexts, complaints = [], []

    def watch(page):
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text)
                if message.type == "error" and not REFUSALS.match(message.text) else None)

    def arrive(shop, viewport=None, locale="en-GB", **more):
        context = chromium.new_context(base_url=f"http://{shop.frontend.listen}", locale=locale,
                                       viewport=viewport or DESKTOP, **more)
        context.set_default_timeout(15_000 * harness.PATIENCE)
        context.on("page", watch)
        contexts.append(context)
        return context

    yield arrive
    for number, page in enumerate(page for context in contexts for page in context.pages):
        try:
            page.screenshot(path=tmp_path / f"page-{number}.png", full_page=True)
        except Error as error:
            complaints.append(f"no picture: {error}")
    for context in contexts:
        context.close()
    assert not complaints, "\n".join(complaints)


@pytest.fixture
def open_shop(pipeline):
    """open_shop(sale(…), …): the daemons with these sales and an admin API; words are options."""
    return lambda *sales, **options: pipeline(
        list(sales), frontend_options={"admin_token": TOKEN, **options},
        worker_options=harness.NAMED)
