"""What a browser keeps of each setup link that was opened in it. Pure, but for keys.

It is the link itself, encrypted: so the page of one company file can lead to others of
the same firm whose links were opened in the same browser.

Rule: it opens nothing without the link, and is shown on no page but those of links that
were open in this browser while this one was used. A thief of all that a browser keeps
who adds a link of his own learns no other by it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.fernet import InvalidToken

from qbwc_server.keys import Keys
from qbwc_server.web import cookies

MOST: Final = 12
"""So many are kept, read and shown: a head has 16 KB, and some proxies take 8."""
_PURPOSE: Final = "setup opened"
_NAME: Final = re.compile(r"qbwc_setup_([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Opened:
    """A setup link that was opened, with the companies on whose pages it is shown."""

    company_id: int
    token: str
    beside: frozenset[int] = frozenset()

    def sealed(self, keys: Keys) -> str:
        """Return it as a browser keeps it."""
        beside = ",".join(map(str, sorted(self.beside)))
        return keys.encrypt(f"{_PURPOSE} {self.company_id} {self.token} {beside}")


def name(company_id: int) -> str:
    """Return the plain name of the cookie of a company's link: one a company."""
    return f"qbwc_setup_{company_id}"


def unsealed(keys: Keys, company_id: int, kept: str) -> Opened | None:
    """Return what a browser keeps of a company's link, None if that is nothing."""
    try:
        told = keys.decrypt(kept)
    except (InvalidToken, ValueError):
        return None
    purpose = f"{_PURPOSE} {company_id} "
    token, _, beside = told.removeprefix(purpose).partition(" ")
    if not told.startswith(purpose) or not token:
        return None
    return Opened(
        company_id,
        token,
        frozenset(map(int, beside.split(",")[:MOST])) if beside else frozenset(),
    )


def is_former(keys: Keys, token: str, kept: str) -> bool:
    """Tell whether a browser keeps of a link what it did before: only its hash."""
    return bool(kept) and keys.matches(_PURPOSE, token, kept)


def others(
    keys: Keys, kept: Mapping[str, str], company_id: int, public_url: str
) -> list[Opened]:
    """Return what a browser keeps of other companies' links, a bounded number.

    They are in the order of the companies' numbers; none was looked up yet.
    """
    found = []
    for number in sorted(_numbers(kept, public_url) - {company_id})[:MOST]:
        one = unsealed(keys, number, kept[cookies.name(name(number), public_url)])
        found += [one] if one is not None else []
    return found


def _numbers(kept: Collection[str], public_url: str) -> set[int]:
    return set(_each(kept, public_url))


def _each(kept: Collection[str], public_url: str) -> Iterator[int]:
    prefix = cookies.name("", public_url)
    for one in kept:
        told = _NAME.fullmatch(one.removeprefix(prefix))
        if told and cookies.name(name(int(told[1])), public_url) == one:
            yield int(told[1])
