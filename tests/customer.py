"""The browser of a customer, who presses the button that a setup link begins with."""

from __future__ import annotations

import re
from typing import Any

from werkzeug.test import Client, TestResponse

_LINK = re.compile(r"(?:https?://[^/]+)?(/setup/[^/?]+)")


class Customer(Client):
    """It opens each link once, as a person does, and then asks for what is wanted."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._opened: set[str] = set()

    def open(self, *arguments: Any, **options: Any) -> TestResponse:
        """Ask for a page."""
        path = arguments[0] if arguments else options.get("path")
        link = _LINK.match(path) if isinstance(path, str) else None
        if link and options.get("method") == "GET" and link[1] not in self._opened:
            self._opened.add(link[1])
            context = {k: v for k, v in options.items() if k in _ABOUT}
            super().open(f"{link[1]}/open", method="POST", **context)
        return super().open(*arguments, **options)


_ABOUT = frozenset({"headers", "base_url", "environ_base", "environ_overrides"})
