"""What a text names that somebody has in hand, in all companies.

Rule: each way in which it is looked for is on an index, or among companies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.support import console, finding, views

_SHORTEST: Final = 3
"""Letters of a name that is looked for in all companies."""


def search(connection: Connection, text: str) -> dict[str, Sequence[Row[Any]]]:
    """Return what a text names, in all companies.

    It may be a TxnID or ListID, an ExternalGUID, Mosaic's number, a reference as
    "3-17", each also of what was called so once; a part of a company's or its file's
    name; how the name of a person, a customer or an item begins; and with a day behind
    it ("maria 2026-11-24") the time of a person.
    """
    found: dict[str, Sequence[Row[Any]]] = {}
    named = console.companies(connection, console.Filter(text=text)).rows
    records: dict[tuple[int, int], Row[Any]] = {}
    table = views.view("records")
    conditions = [table.c.quickbooks_id == text, table.c.external_guid == text]
    if text.isascii() and text.isdecimal() and int(text) <= console.GREATEST:
        conditions.append(table.c.mosaic_id == int(text))
    for condition in conditions:
        query = sa.select(table).where(condition).limit(console.PAGE)
        for row in connection.execute(query):
            records[row.company_id, row.record_id] = row
    for condition in _called(connection, table, text):
        for row in connection.execute(
            sa.select(table).where(condition).limit(console.PAGE)
        ):
            records[row.company_id, row.record_id] = row
    if place := reference(text):
        for what in ("records", "sessions", "jobs", "exchanges", "calls"):
            named_so = console.one(connection, what, *place)
            if named_so is None:
                continue
            if what == "records":
                records[place] = named_so
            else:
                found[what] = [named_so]
    in_order = [records[place] for place in sorted(records)]
    return {"companies": named, "records": in_order, **found}


def _called(
    connection: Connection, table: sa.TableClause, text: str
) -> Iterator[sa.ColumnElement[bool]]:
    """Yield the conditions of what was called so once, and of what has such a name."""
    for company_id, number in finding.led_to(connection, text):
        yield (table.c.company_id == company_id) & (table.c.record_id == number)
    name, _, last = text.rpartition(" ")
    if name and _is_day(last):
        with suppress(views.NotThere):
            somebody = finding.of_person(connection, table, name.strip(), None)
            yield somebody & (table.c.day == last)
    elif len(text) >= _SHORTEST:
        yield finding.of_lists(table) & finding.begins(table.c.name, text)


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def reference(text: str) -> tuple[int, int] | None:
    """Return (company, number) of "3-17", None if it is none."""
    company_id, dash, number = text.partition("-")
    parts = (company_id, number)
    if not dash or not all(one.isascii() and one.isdecimal() for one in parts):
        return None
    place = int(company_id), int(number)
    return place if max(place) <= console.GREATEST else None
