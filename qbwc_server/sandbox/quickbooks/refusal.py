"""How QuickBooks refuses a whole request: an HRESULT and its own words."""

from __future__ import annotations


class QuickBooksRefusal(Exception):
    """QuickBooks did not take the call at all.

    `hresult` is written as Web Connector passes it on, for example "0x80040400";
    `message` is QuickBooks' own text.
    """

    def __init__(self, hresult: str, message: str) -> None:
        super().__init__(f"{hresult}: {message}")
        self.hresult = hresult
        self.message = message
