"""What people did to time, kept apart from both sides: what must still be there.

Each entry is born with a mark of its own in its text, so that one that is there twice
or nowhere is seen. Values are in neutral terms: names, minutes, text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.agreement.terms import (
    FIELDS,
    Entry,
    Sides,
    Values,
    mosaic_entries,
    quickbooks_entries,
    text_of,
)


@dataclass
class Life:
    """One entry: the last value that anybody gave to each field.

    `deleted` says that somebody deleted it, so that it need not be there; `forgiven`
    are the fields whose last value a restored backup took away.
    """

    values: Values
    deleted: bool = False
    forgiven: set[str] = field(default_factory=set)


def mark_of(text: str | None) -> str:
    """Return the mark in a text, the first word of it."""
    return (text or "").split(maxsplit=1)[0] if (text or "").strip() else ""


def _by_mark(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for one in entries:
        found.setdefault(mark_of(one[1]["text"]), []).append(one)
    return found


class Ledger:
    """All entries of a history by their marks, which begin with `sign`."""

    def __init__(self, house: Sides, sign: str = "#") -> None:
        self.lives: dict[str, Life] = {}
        self._house = house
        self._sign = sign

    def new_mark(self) -> str:
        """Return a mark that no entry has had."""
        return f"{self._sign}{len(self.lives) + 1}"

    # What both sides hold

    def in_quickbooks(self) -> dict[str, list[Entry]]:
        """Return what is in the company file, by mark."""
        return _by_mark(quickbooks_entries(self._house))

    def in_mosaic(self) -> dict[str, list[Entry]]:
        """Return what is in Mosaic, by mark."""
        return _by_mark(mosaic_entries(self._house))

    # What people did

    def born(self, mark: str, values: Values) -> None:
        """Note a new entry."""
        self.lives[mark] = Life({**values, "text": text_of(values["text"])})

    def edited(self, mark: str, **values: Any) -> None:
        """Note that somebody gave an entry other values."""
        if "text" in values:
            values["text"] = text_of(values["text"])
        self.lives[mark].values.update(values)
        self.lives[mark].forgiven -= values.keys()

    def deleted(self, mark: str) -> None:
        """Note that somebody deleted an entry."""
        self.lives[mark].deleted = True

    def restored(self, before: Mapping[str, list[Entry]]) -> None:
        """Note that a backup took the place of a company file that held `before`."""
        after = self.in_quickbooks()
        for mark, life in self.lives.items():
            was, is_now = before.get(mark), after.get(mark)
            if (was is None) != (is_now is None):
                life.deleted = True
            elif was and is_now:
                old, new = was[0][1], is_now[0][1]
                life.forgiven |= {name for name in FIELDS if old[name] != new[name]}
