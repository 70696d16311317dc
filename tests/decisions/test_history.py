"""What a person decides about a record stands in its history, in names and with why."""

from __future__ import annotations

from typing import Any

import pytest

from qbwc_server.decisions import linking, one_or_two
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from qbwc_server.words.history import told
from tests.delivery.mirror import Mirror
from tests.web.support.test_deciding import ENTRY

from .test_linking import say

pytestmark = pytest.mark.in_turn
_FIRST, _SECOND = "2026-03-02 Ann 1:00", "2026-03-02 Ann Lee 1:00"


def _history(mirror: Mirror, record_id: int, by: str) -> list[tuple[str, str]]:
    """Return what somebody did to a record, and what is told of it."""
    return [
        (one.what, told(one.detail, one.company_id))
        for one in mirror.rows(tables.record_event)
        if one.record_id == record_id and one.by == by
    ]


def test_a_link_and_what_was_linked_before_are_told_by_name_and_number(
    mirror: Mirror,
) -> None:
    """Linked, unlinked, not to be linked, and taken back, each with why."""
    mirror.sandbox.create("client", client_name="Acme Holding")
    mirror.books.customer("C1", "Acme")
    mirror.read()
    mirror.change(mode="paused")
    mirror.worker().run_once()
    number = next(iter(mirror.sandbox.objects("client")))["mosaic_id"]
    client = f"Acme Holding (client {number})"
    why = "It is so."

    say(mirror, linking.link, "C1", number)
    say(mirror, linking.unlink, "C1")
    say(mirror, linking.undo, "C1")
    say(mirror, linking.choose, "C1", "none")
    say(mirror, linking.undo, "C1")

    linked = (f"linked to client {number}", "there called Acme Holding")
    unlinked = f"unlinked from client {number}"
    by_hand = "linked by hand"
    bound = f"link from nothing to {client}; {why}"
    freed = f"link from {client} to nothing; {why}"
    assert _history(mirror, mirror.record("C1").id, "bookkeeper") == [
        (
            "choice: link",
            f"choice from nothing to {by_hand}; {bound}",
        ),
        linked,
        (
            "choice: later",
            f"choice from {by_hand} to later; {freed}",
        ),
        (unlinked, f"there called Acme Holding; {why}"),
        linked,
        (
            "choice taken back",
            f"choice from later to {by_hand}; {bound}",
        ),
        (
            "choice: none",
            f"choice from {by_hand} to not linked; {freed}",
        ),
        (unlinked, f"there called Acme Holding; {why}"),
        linked,
        (
            "choice taken back",
            f"choice from not linked to {by_hand}; {bound}",
        ),
    ]


def _entry(mirror: Mirror, number: int, name: str, **values: Any) -> None:
    row = {"company_id": mirror.company.id, "id": number, "kind": "time_entry"}
    row |= {"state": "pending", "name": name, "day": ENTRY["date"], **values}
    row |= {"created_at": mirror.clock(), "changed_at": mirror.clock()}
    with company_transaction(mirror.engine, mirror.company.id) as connection:
        connection.execute(tables.record.insert(), row)


def _word(mirror: Mirror, word: str, *records: int, why: str) -> None:
    say_it = {"one": one_or_two.one, "two": one_or_two.two}[word]
    company_id = mirror.company.id
    with company_transaction(mirror.engine, company_id) as connection:
        say_it(connection, company_id, *records, by="eve", now=mirror.clock(), why=why)


def test_entries_that_are_two_or_one_name_each_other(mirror: Mirror) -> None:
    """In both histories while they are two records, in one where they are one."""
    _entry(mirror, 900, _FIRST, quickbooks_id="T-1", quickbooks=ENTRY)
    there = {"mosaic_type": "time_entry", "mosaic_id": 7, "mosaic": ENTRY}
    _entry(mirror, 901, _SECOND, **there)
    reference = f"record {mirror.company.id}-"
    ids = "TxnID T-1; number in Mosaic 7"

    _word(mirror, "two", 900, 901, why="Two mornings.")
    two = "these are two"
    first = [(two, f"{_SECOND}; {ids}; {reference}901; Two mornings.")]
    second = [(two, f"{_FIRST}; {ids}; {reference}900; Two mornings.")]
    assert _history(mirror, 900, "eve") == first
    assert _history(mirror, 901, "eve") == second

    _word(mirror, "one", 900, 901, why="One after all.")
    joined = ("these are one", f"{_SECOND}; {ids}; {reference}901; One after all.")
    assert _history(mirror, 901, "eve") == []
    assert _history(mirror, 900, "eve") == [*first, *second, joined]

    _word(mirror, "two", 900, why="No, two.")
    (made,) = [
        row.id
        for row in mirror.rows(tables.record)
        if row.mosaic_id == 7 and row.kind == "time_entry"
    ]
    apart = (two, f"{_FIRST}; {ids}; {reference}{made}; No, two.")
    assert _history(mirror, 900, "eve")[-1] == apart
    assert _history(mirror, made, "eve") == [
        (two, f"{_FIRST}; {ids}; {reference}900; No, two.")
    ]
