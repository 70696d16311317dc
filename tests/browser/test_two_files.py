"""Two company files of one team, from the refusal to live by the page's buttons."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from qbwc_server.companies import registry
from tests.browser.looking import Looking
from tests.browser.test_phone import Firm

_SOON = 20_000
"""Milliseconds in which a page must be there."""
expect.set_options(timeout=_SOON)


@pytest.fixture
def firm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firm]:
    """A firm that could go live, but for what another file of its team has too."""
    made = Firm(tmp_path_factory.mktemp("two-files"))
    yield made
    made.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A browser that has never been here."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


def _go_live(page: Page) -> None:
    page.get_by_role("button", name="Go live").click()
    page.get_by_role("button", name="Yes, go live").click()


def test_what_both_have_is_said_once_and_going_live_asks_nothing_more(
    page: Page, firm: Firm
) -> None:
    """With one exception in a row, and whose the hours are in the same step."""
    looking = Looking(page)
    page.goto(f"{firm.url}/preview")
    page.get_by_role("button", name="Open my page").click()
    _go_live(page)
    expect(page.get_by_text("Not yet. Before that:", exact=True)).to_be_visible()
    page.get_by_role("link", name="Say what both files share").click()
    expect(page.get_by_role("heading", name="14 need your word")).to_be_visible()
    # A refusal is a line in the console, and nothing else was.
    assert all("409 (CONFLICT)" in one for one in looking.errors)
    looking.errors.clear()
    looking.at("shared")

    odd = page.get_by_role("group", name="What Customer 3 is")
    odd.get_by_label("Made anew").check()
    of_all = page.get_by_role("group", name="On all shared projects")
    of_all.get_by_label("This file's").check()
    page.get_by_role("button", name="Both share all").click()

    expect(page.get_by_role("status").first).to_have_text("What you said is kept.")
    expect(page.get_by_text("need your word")).to_have_count(0)
    kept = page.get_by_role("group", name="Hours entered in Mosaic on")
    expect(kept.get_by_label("This file's")).to_be_checked()
    page.get_by_role("link", name="Back to what comes before going live").click()
    _go_live(page)
    expect(page.locator("main .notice")).to_contain_text("This connection is live")
    assert registry.find(firm.engine, str(firm.company.id)).mode == "live"
