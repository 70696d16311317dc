"""What is told of one thing that can happen: two sentences, and more for the page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

LONGEST = 199
"""Web Connector's Status column and log show no more in one piece."""
INTEGRATED = "Edit > Preferences > Integrated Applications > Company Preferences"
"""Where QuickBooks lists the programs that may work with a company file."""
_SENTENCES: Final = re.compile(r"(?<=[.!?]) (?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Words:
    """One thing that can happen, in the words of the person it happens to.

    `id` never changes. `happened` and `do` are a sentence each, for the Web Connector.
    `page` tells all of it where there is room; `menu` is the exact path in QuickBooks,
    empty where nothing is to be chosen there.
    """

    id: str
    happened: str
    do: str
    page: str
    menu: str = ""

    @property
    def said(self) -> str:
        """What happened and what to do: ASCII, under 200 characters."""
        return f"{self.happened} {self.do}"


def tell(
    identification: str, happened: str, do: str, more: str = "", menu: str = ""
) -> Words:
    """Make words; `more` is what the page adds to the two sentences."""
    page = " ".join(part for part in (happened, do, more) if part)
    return Words(identification, happened, do, page, menu)


def of_sentences(
    identification: str, name: str, text: str, more: str = "", menu: str = ""
) -> Words:
    """Make words of a text of one or two sentences that stands in another table.

    One that only says what to do is preceded by the thing's `name`.
    """
    first, _, second = _halves(text)
    if not second:
        first, second = f"{name[:1].upper()}{name[1:]}.", first
    return tell(identification, first, second, more, menu)


def fitting(text: str, length: int = LONGEST) -> str:
    """Return a text as Web Connector can show it: ASCII, one line, not longer."""
    plain = " ".join(text.encode("ascii", "replace").decode("ascii").split())
    if len(plain) <= length:
        return plain
    return plain[: length - 3].rstrip() + "..."


def _halves(text: str) -> tuple[str, str, str]:
    found = _SENTENCES.search(text)
    if found is None:
        return text, "", ""
    return text[: found.start()], " ", text[found.end() :]
