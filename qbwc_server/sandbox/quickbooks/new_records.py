"""Putting list records and time entries into a company file, one or very many."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from qbwc_server.sandbox.quickbooks.answer import Field
from qbwc_server.sandbox.quickbooks.lists import KINDS
from qbwc_server.sandbox.quickbooks.store import Store

_FIRST_ID: Final = 0x8000_0000


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A list record as it is kept; times are texts as QuickBooks prints them."""

    kind: str
    list_id: str
    name: str
    full_name: str
    created: str
    modified: str
    edit_sequence: str
    parent_id: str | None = None
    sublevel: int = 0
    is_active: bool = True
    fields: Sequence[Field] = ()


@dataclass(frozen=True, slots=True)
class NewTime:
    """A time entry as it is kept; `at` is the Unix second it was entered."""

    at: int
    txn_date: str
    entity_kind: str
    entity_id: str
    minutes: int
    customer_id: str | None = None
    item_id: str | None = None
    class_id: str | None = None
    payroll_id: str | None = None
    notes: str = ""
    billable: str = ""
    external_guid: str | None = None


def new_list_id(store: Store, kind: str, at: int) -> str:
    """Return the next ListID of a kind, such as "8000002A-1700000000"."""
    number = store.next_number(KINDS[kind].id_counter)
    return f"{_FIRST_ID + number:X}-{at}"


def insert_records(store: Store, records: Iterable[NewRecord]) -> None:
    """Insert list records; one with the kind and ListID of another replaces it."""
    store.run_many(
        "INSERT OR REPLACE INTO record (kind, list_id, name, full_name, sort_name, "
        "parent_id, sublevel, is_active, created, modified, modified_wall, "
        "edit_sequence, fields) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                one.kind,
                one.list_id,
                one.name,
                one.full_name,
                one.full_name.casefold(),
                one.parent_id,
                one.sublevel,
                one.is_active,
                one.created,
                one.modified,
                one.modified[:19],
                one.edit_sequence,
                json.dumps(one.fields),
            )
            for one in records
        ),
    )


def insert_times(store: Store, entries: Sequence[NewTime]) -> list[str]:
    """Insert time entries and return their TxnIDs in the same order."""
    first = store.next_number("time", len(entries))
    ids = [
        f"{number:X}-{entry.at}" for number, entry in enumerate(entries, start=first)
    ]
    printed = [store.printed(entry.at) for entry in entries]
    store.run_many(
        "INSERT INTO time_entry (number, txn_id, created, modified, modified_wall, "
        "edit_sequence, txn_date, entity_kind, entity_id, customer_id, item_id, "
        "class_id, payroll_id, minutes, notes, billable, external_guid) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                first + place,
                ids[place],
                printed[place],
                printed[place],
                printed[place][:19],
                str(one.at),
                one.txn_date,
                one.entity_kind,
                one.entity_id,
                one.customer_id,
                one.item_id,
                one.class_id,
                one.payroll_id,
                one.minutes,
                one.notes,
                one.billable,
                one.external_guid,
            )
            for place, one in enumerate(entries)
        ),
    )
    return ids
