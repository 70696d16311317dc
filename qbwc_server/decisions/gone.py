"""What a person says of time that Mosaic does not show any more, or shows again.

Mosaic cannot say whether an entry is deleted or only hidden. A word says it; where
records were asked about with one question, it is for all of them. So does one where
equal hours were deleted once on each side, and one of them may have been meant.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies import registry
from qbwc_server.errors import QbwcError
from qbwc_server.kinds import time_entry
from qbwc_server.kinds.tombstone import Word
from qbwc_server.records import history, tombstones
from qbwc_server.storage import tables

_RECORD = tables.record
_SAID = {
    Word.DELETED: "a person said that it is deleted",
    Word.STAYS: "a person said that it is not deleted",
}


class NothingIsGone(QbwcError):
    """A record is neither gone in Mosaic nor back there, and nothing is asked of it."""

    id: ClassVar[str] = "record-nothing-is-gone"


def say(
    connection: Connection,
    row: Row[Any],
    word: Word,
    *,
    by: str,
    now: datetime,
    why: str | None = None,
) -> int:
    """Say whether an entry is deleted; return for how many records that was said.

    It is for every record that is asked about with the same question. One that only
    waits for its day need not wait any longer. Kept in the histories and the audit.

    Raises:
        NothingIsGone: Mosaic has it, and always had; nor is it asked about.
    """
    side = None if row.kind != time_entry.NAME else tombstones.asked_about(row)
    stone = None if side is None else tombstones.of_side(row, side)
    if stone is None or (not stone.back and row.quickbooks_id is None):
        raise NothingIsGone("Mosaic has this record, or it is nowhere any more.")
    asked = [row.id] if row.state != "refused" else _asked_alike(connection, row)
    tombstones.note_word(connection, row.company_id, asked, word, now)
    registry.change(connection, row.company_id, deliver_at=now)
    happened = [history.Happened(one, _SAID[word], by, {"why": why}) for one in asked]
    history.events(connection, row.company_id, happened, at=now)
    registry.audit(
        connection,
        row.company_id,
        now,
        who=by,
        what=_SAID[word],
        why=why,
        detail={"records": asked, "before": row.reason},
    )
    return len(asked)


def _asked_alike(connection: Connection, row: Row[Any]) -> list[int]:
    """Return the records that are asked about with the same question."""
    rows = connection.execute(
        sa.select(_RECORD).where(
            _RECORD.c.company_id == row.company_id,
            _RECORD.c.kind == time_entry.NAME,
            _RECORD.c.state == row.state,
            _RECORD.c.reason == row.reason,
        )
    )
    return [one.id for one in rows if tombstones.asked_about(one) is not None]
