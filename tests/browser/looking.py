"""Looking at a page: what its console says, what axe-core finds, what it looks like."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize

IMAGES = Path(__file__).parents[2] / "docs/images"
_GRAVE = {"serious", "critical"}
_SIZES: dict[str, ViewportSize] = {
    "": {"width": 1100, "height": 800},
    "-phone": {"width": 390, "height": 844},
}


class Looking:
    """Collects what goes wrong on a page while a test walks through it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on(
            "console",
            lambda line: (
                self.errors.append(line.text) if line.type == "error" else None
            ),
        )

    def at(self, name: str, *, whole: bool = False) -> None:
        """Look at the page as it is: no grave issue, also dark and on a phone.

        With SCREENSHOTS set it is kept in docs/images, `whole` or what is seen first.
        """
        for suffix, size in _SIZES.items():
            self.page.set_viewport_size(size)
            for scheme in ("light", "dark"):
                self.page.emulate_media(color_scheme=scheme)
                issues = self._grave()
                assert issues == [], f"{name}{suffix}, {scheme}: {issues}"
            self.page.emulate_media(color_scheme="light")
            wide = self.page.evaluate("document.documentElement.scrollWidth")
            assert wide <= size["width"], f"{name}{suffix} is {wide} wide"
            if os.environ.get("SCREENSHOTS"):
                IMAGES.mkdir(parents=True, exist_ok=True)
                self.page.evaluate("scrollTo(0, 0)")
                path = IMAGES / f"{name}{suffix}.png"
                self.page.screenshot(
                    path=path, animations="disabled", full_page=whole and not suffix
                )
        self.page.set_viewport_size(_SIZES[""])
        assert self.errors == []

    def _grave(self) -> list[tuple[str, Any]]:
        found = Axe().run(self.page).response["violations"]
        return [
            (one["id"], [node["html"][:200] for node in one["nodes"]])
            for one in found
            if one["impact"] in _GRAVE
        ]
