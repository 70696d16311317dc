"""The root of our errors: a stable id, a sentence for the customer, one for support."""

from __future__ import annotations

from typing import ClassVar


class QbwcError(Exception):
    """Something that a person must hear about.

    `id` never changes once released; `customer` is plain ASCII of at most 200
    characters, fit for the Web Connector's window; `support` says more.
    """

    id: ClassVar[str] = "error"
    customer: ClassVar[str] = "Something went wrong on our side. We have been told."

    def __init__(self, support: str, *, customer: str | None = None) -> None:
        super().__init__(support)
        self.support = support
        self.said_to_customer = customer or self.customer
