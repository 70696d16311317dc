"""Rows in order, a page at a time, and the iterators that live between requests.

An iterator belongs to the session that started it and dies after ten idle seconds
(reported by two vendors for real QuickBooks); its pages follow the order of the list,
so a set that changes meanwhile is no snapshot, while the remaining count is the one
of the start.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from qbwc_server.sandbox.quickbooks.answer import Refused
from qbwc_server.sandbox.quickbooks.store import Store

_IDLE_SECONDS: Final = 10
_EVERYTHING: Final = -1


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows, and by which two columns they are ordered.

    `source` is the table with the index to walk; `key` names two columns.
    """

    source: str
    key: tuple[str, str]
    where: str
    values: tuple[object, ...]

    def count(self, store: Store) -> int:
        """Count the rows without reading them."""
        sql = f"SELECT count(*) AS n FROM {self.source} WHERE {self.where}"  # noqa: S608 - our own words
        row = store.one(sql, *self.values)
        return int(row["n"]) if row else 0

    def rows(
        self, store: Store, limit: int | None, after: Sequence[object] = ()
    ) -> list[sqlite3.Row]:
        """Return at most `limit` rows after the given key."""
        first, second = self.key
        where, values = self.where, self.values
        if after:
            where += f" AND ({first}, {second}) > (?, ?)"
            values += tuple(after)
        sql = (
            f"SELECT * FROM {self.source} WHERE {where} "  # noqa: S608 - our own words
            f"ORDER BY {first}, {second} LIMIT ?"
        )
        return store.all(sql, *values, _EVERYTHING if limit is None else limit)


@dataclass(slots=True)
class _Iterator:
    request: str
    selection: Selection
    remaining: int
    used_at: float
    after: tuple[object, ...] = ()


@dataclass(slots=True)
class Iterators:
    """The iterators of one session."""

    _alive: dict[str, _Iterator] = field(default_factory=dict)

    def start(
        self, store: Store, request: etree._Element, selection: Selection
    ) -> tuple[list[sqlite3.Row], dict[str, str]]:
        """Begin a walk and return its first page with the iterator's attributes."""
        name = "{" + str(uuid.uuid4()) + "}"
        count = selection.count(store)
        self._alive[name] = _Iterator(str(request.tag), selection, count, store.clock())
        return self._page(store, name, request)

    def go_on(
        self, store: Store, request: etree._Element
    ) -> tuple[list[sqlite3.Row], dict[str, str]]:
        """Return the next page, or end the walk for iterator="Stop".

        Raises:
            Refused: Status 3391, the iterator is unknown, of another request or dead.
        """
        name = str(request.get("iteratorID"))
        walk = self._alive.get(name)
        if (
            walk is None
            or walk.request != request.tag
            or store.clock() - walk.used_at > _IDLE_SECONDS
        ):
            self._alive.pop(name, None)
            raise Refused(3391, f'The iteratorID "{name}" is not valid.')
        if request.get("iterator") == "Stop":
            del self._alive[name]
            return [], {"iteratorRemainingCount": "0", "iteratorID": name}
        return self._page(store, name, request)

    def _page(
        self, store: Store, name: str, request: etree._Element
    ) -> tuple[list[sqlite3.Row], dict[str, str]]:
        walk = self._alive[name]
        size = int(request.findtext("MaxReturned") or 1)
        rows = walk.selection.rows(store, size + 1, walk.after)
        is_last = len(rows) <= size
        rows = rows[:size]
        if rows:
            first, second = walk.selection.key
            walk.after = (rows[-1][first], rows[-1][second])
        walk.remaining = 0 if is_last else max(1, walk.remaining - len(rows))
        walk.used_at = store.clock()
        if is_last:
            del self._alive[name]
        told = {"iteratorRemainingCount": str(walk.remaining), "iteratorID": name}
        return rows, told


def page(
    store: Store,
    request: etree._Element,
    iterators: Iterators,
    select: Callable[[], Selection],
) -> tuple[list[sqlite3.Row], dict[str, str]]:
    """Return the rows a query gets now, and the attributes of its answer.

    Args:
        store: The company file.
        request: The query; its iterator, MaxReturned and metaData count here.
        iterators: Those of the session.
        select: Reads the request's filters; a Continue repeats them for nothing.

    Raises:
        Refused: Status 3391, see `Iterators.go_on`.
    """
    if request.get("iterator") in ("Continue", "Stop"):
        return iterators.go_on(store, request)
    selection = select()
    attributes: dict[str, str] = {}
    if request.get("iterator") == "Start":
        rows, attributes = iterators.start(store, request, selection)
    else:
        limit = request.findtext("MaxReturned")
        rows = selection.rows(store, int(limit) if limit else None)
    if _wants_count(request):
        attributes = with_count(request, selection.count(store), attributes)
    return rows, attributes


def with_count(
    request: etree._Element, count: int, attributes: dict[str, str]
) -> dict[str, str]:
    """Put retCount before the other attributes where metaData asked for it."""
    told = {"retCount": str(count)} if _wants_count(request) else {}
    return told | attributes


def returns_no_rows(request: etree._Element) -> bool:
    """Tell whether the answer holds counts only."""
    only_counts = request.get("metaData") == "MetaDataOnly"
    return only_counts or request.get("iterator") == "Stop"


def _wants_count(request: etree._Element) -> bool:
    return request.get("metaData", "NoMetaData") != "NoMetaData"
