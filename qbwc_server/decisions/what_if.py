"""What a link would do: it is made, planned, told, and taken back at once.

Rule: the functions that link and plan tell it themselves, so that what is foreseen is
what happens, and what would be refused is refused here with the same words.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.companies import registry
from qbwc_server.decisions import link_checks, linking
from qbwc_server.decisions.linking import Word
from qbwc_server.kinds.list_plan import Action, Do
from qbwc_server.planning import list_facts
from qbwc_server.records import mosaic_objects, waiting
from qbwc_server.storage import tables

UNDO: Final = (
    "To undo it, take the choice back on the record's page. Once something was written "
    "by it, unlink it there: what was written stays."
)
_DONE: Final = {
    Do.ARCHIVE: "It is archived there.",
    Do.UNARCHIVE: "It is brought back there from the archive.",
}


def link(
    connection: Connection,
    company_id: int,
    record_id: int,
    mosaic_id: int,
    word: Word,
    *,
    share: bool = False,
) -> str:
    """Return in words what `linking.link` would do, and how to undo it.

    The connection must hold the company's lock; nothing stays changed.

    Raises:
        QbwcError: it would be refused, with the reason of `linking.link`.
    """
    before = link_checks.record_to_link(connection, company_id, record_id)
    company = registry.get(connection, company_id)
    waits = _waits(connection, company_id, before.kind, before.quickbooks_id)
    with connection.begin_nested() as trial:
        linking.link(connection, company_id, record_id, mosaic_id, word, share=share)
        row = link_checks.record_to_link(connection, company_id, record_id)
        action = list_facts.gather(connection, company, [row]).plan(row)
        trial.rollback()
    called = f"{_called(row.mosaic)} ({mosaic_id})"
    told = [f"{row.name} of QuickBooks is {called} in Mosaic from then on."]
    told += _changes(action)
    if waits:
        many = "1 record waits" if waits == 1 else f"{waits:,} records wait"
        told.append(f"{many} for it, and can go on then.")
    if company.mode != "live":
        told.append("Nothing is written before this company is live.")
    return " ".join([*told, UNDO])


def _called(found: dict[str, Any]) -> str:
    return " ".join(mosaic_objects.called(found).split())


def _changes(action: Action) -> list[str]:
    """Return what becomes of the object in Mosaic first."""
    if action.do is Do.NOTHING:
        nothing = "Nothing of it is changed there."
        return [nothing, action.reason] if action.reason else [nothing]
    if action.do in _DONE:
        return [*([action.reason] if action.reason else []), _DONE[action.do]]
    told = [
        "It is put there under what it stands under in QuickBooks."
        if name == "parent"
        else f"Its {name.replace('_', ' ')} there becomes {value}."
        for name, value in action.fields.items()
    ]
    return told or [action.reason or ""]


def _waits(
    connection: Connection, company_id: int, kind: str, quickbooks_id: str
) -> int:
    """Return how many records wait for one of QuickBooks to be linked."""
    names = waiting.awaited_as(kind, [quickbooks_id])
    record = tables.record
    # Each column has an index of its own, which a condition over all would not use.
    some = [
        sa.select(record.c.id).where(
            record.c.company_id == company_id, column.in_(names)
        )
        for column in waiting.WAITS
    ]
    query = sa.select(sa.func.count()).select_from(sa.union(*some).subquery())
    return int(connection.execute(query).scalar_one())
