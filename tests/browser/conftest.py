"""A browser, and a whole house around it: server, worker, QuickBooks and Mosaic.

The browser is Debian's Chromium, driven by Playwright; none is downloaded. Where it is
not installed the tests are skipped and say so, but not where CI_BROWSER is set.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.agreement.conftest import _begun, make_house
from tests.agreement.house import START, MakeHouse
from tests.browser.firm import Firm

__all__ = ["_begun", "make_house"]

_NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium on this machine."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        told = "no Chromium: `apt-get install chromium`, or the pages are not tested"
        if os.environ.get("CI_BROWSER"):
            pytest.fail(told)
        pytest.skip(told)
    return found


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """A Chromium without a window."""
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"]
        )
        yield made
        made.close()


@pytest.fixture
def firm(browser: Browser, make_house: MakeHouse) -> Iterator[Firm]:
    """A firm that works, and its page in a browser that has never been there."""
    house, context = make_house(START, "America/New_York"), browser.new_context()
    made = Firm(house, context.new_page())
    yield made
    context.close()
    made.close()
    house.close()
