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
