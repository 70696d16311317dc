"""Entries of which only a person can tell whether they are an hour that is known.

Until somebody has said it, nothing is done with them; what they may be goes on.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.kinds.identity import Word, Words
from qbwc_server.kinds.tombstone import Side
from qbwc_server.kinds.two_way import Action, Do
from qbwc_server.records import tombstones
from qbwc_server.storage import tables

_RECORD = tables.record


def held(
    connection: Connection, words: Words, row: Row[Any], action: Action
) -> Action | None:
    """Return that an entry asks a person, None if it may be made on the other side."""
    if action.do not in {Do.ADD, Do.CREATE}:
        return None
    if row.quickbooks_id is not None and row.mosaic_id is not None:
        return None
    asked = [
        pair
        for pair, word in words.items()
        if word is Word.ASKED and (row.quickbooks_id, row.mosaic_id).count(None) == 1
        if row.quickbooks_id == pair[0] or row.mosaic_id == pair[1]
    ]
    if not asked:
        return None
    column = _RECORD.c.mosaic_id if row.mosaic_id is None else _RECORD.c.quickbooks_id
    others = connection.execute(
        sa.select(_RECORD)
        .where(
            _RECORD.c.company_id == row.company_id,
            column.in_([pair[1 if row.mosaic_id is None else 0] for pair in asked]),
        )
        .order_by(_RECORD.c.id)
    ).all()
    side: Side = "mosaic" if row.quickbooks_id is None else "quickbooks"
    left = [one for one in others if not tombstones.somebody_took(one, side)]
    return Action(Do.NOTHING, _question(row, left), "refused") if left else None


def is_unwanted(row: Row[Any]) -> bool:
    """Tell whether nobody wants a record's entry in Mosaic any more."""
    return row.mosaic_id is None and (row.quickbooks_gone or row.state == "do_not_link")


def _question(row: Row[Any], others: Any) -> str:
    side = "QuickBooks" if row.mosaic_id is None else "Mosaic"
    me = f"{row.company_id}-{row.id}"
    if all(is_unwanted(one) for one in others):
        names = "; ".join(f"record {row.company_id}-{it.id}" for it in others)
        return (
            f"It equals what was sent to Mosaic and not seen there since: {names}, "
            "which was deleted in QuickBooks, or left out, before it came. If this is "
            "that, delete it in Mosaic. If it is other work, say on the setup "
            "page that they are two: then it goes to QuickBooks. Until then nothing is "
            f"done with it. Support: `qbwc-server records two {me}`."
        )
    named = "; ".join(f"record {row.company_id}-{it.id} ({it.name})" for it in others)
    return (
        f"It is in {side} and is or was equal to what we made there at that time, "
        f"{named}: it may be the same hours, there twice. If it is, say on the "
        "setup page that they are one: this one stays, and the one that we made there "
        "is taken away. If it is other work, say that they are two: then it goes to "
        f"the other side. Or delete the one that is too much in {side}. Until then "
        f"nothing is done with it. Support: `qbwc-server records one {me}`, or "
        f"`qbwc-server records two {me}`."
    )
