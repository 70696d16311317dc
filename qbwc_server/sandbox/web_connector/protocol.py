"""What the sandbox Web Connector needs of a company file, and nothing more."""

from __future__ import annotations

from typing import Protocol


class Session(Protocol):
    """An open session with QuickBooks."""

    def process(self, qbxml: str, /) -> str:
        """Answer one qbXML message set.

        Raises:
            QuickBooksRefusal: the whole set was refused.
        """

    def end(self) -> None:
        """Close the session; its iterators die."""


class CompanyFile(Protocol):
    """A company file, open in QuickBooks."""

    @property
    def file_name(self) -> str:
        """The Windows path, as Web Connector passes it on."""

    def begin_session(self, *, app_name: str, owner_id: str) -> Session:
        """Let an application in.

        Raises:
            QuickBooksRefusal: QuickBooks does not, with its HRESULT.
        """
