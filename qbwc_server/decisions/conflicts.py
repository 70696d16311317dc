"""Conflicts: both sides changed the same field, and a person says which is right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies import registry
from qbwc_server.errors import QbwcError
from qbwc_server.kinds import conflict
from qbwc_server.kinds.time_entry import NAME
from qbwc_server.kinds.time_plan import LEFT
from qbwc_server.records import choices, history
from qbwc_server.storage import tables

_RECORD = tables.record
_BATCH = 500


class NothingToSettle(QbwcError):
    """A record has no conflict for a person to decide."""

    id: ClassVar[str] = "record-nothing-to-settle"


def settle(
    connection: Connection,
    row: Row[Any],
    side: str,
    *,
    by: str,
    now: datetime,
    why: str | None = None,
    shown: str | None = None,
) -> bool:
    """Say which side is right where both changed the same fields of a record.

    False if that was said already. It is kept in the record's history and the audit.
    The word is for the values that the record's question has; `shown` is the mark
    (`kinds.conflict.mark`) of those that the person saw, where it is known.

    What a policy or a word has decided already is taken off the list, when nothing is
    asked any more, if `side` is the one that was kept. Else its value is taken in place
    of what was kept, and goes to both sides.

    Raises:
        NothingToSettle: there is no conflict, the other value cannot be taken from
            here, or it is about other values than those that were shown.
    """
    told = row.conflict or {}
    if not told or conflict.is_seen(told):
        raise NothingToSettle("This record has no conflict.")
    asked = conflict.asked(told)
    if side == LEFT and not all(one.get("link") for one in asked.values()):
        raise NothingToSettle("Both sides changed it: say which of them is right.")
    left = _answered(told, asked or _not_carried_out(told), side)
    if not asked:
        left = _decided_otherwise(connection, row, side, left)
        if left == told:
            return False
    _require_shown(told, shown)
    _keep(connection, row, left, _said(side), by=by, now=now, why=why)
    return True


def see(
    connection: Connection,
    row: Row[Any],
    *,
    by: str,
    now: datetime,
    shown: str | None = None,
) -> None:
    """Take off the list what was decided, whichever side each field was decided for.

    `shown` is as for `settle`. No value changes by it.

    Raises:
        NothingToSettle: nothing was decided, something is still asked, or it is about
            other values than those that were shown.
    """
    told = row.conflict or {}
    left = conflict.seen(told)
    if left == told or conflict.asked(told):
        raise NothingToSettle("Nothing was decided here that only is to be seen.")
    _require_shown(told, shown)
    _keep(connection, row, left, "seen", by=by, now=now, why=None)


def _require_shown(told: Mapping[str, Any], shown: str | None) -> None:
    if shown is not None and shown != conflict.mark(told):
        raise NothingToSettle(
            "It was changed again meanwhile. Look at what both sides have now, and say "
            "which is right."
        )


def _keep(
    connection: Connection,
    row: Row[Any],
    left: Mapping[str, Any],
    what: str,
    *,
    by: str,
    now: datetime,
    why: str | None,
) -> None:
    """Keep what is left of a conflict, with what was said, in history and audit."""
    told = row.conflict or {}
    choices.settle(connection, row.company_id, row.id, left, now)
    registry.change(connection, row.company_id, deliver_at=now)
    history.event(
        connection,
        row.company_id,
        row.id,
        at=now,
        what=what,
        by=by,
        detail={**told, "why": why},
    )
    registry.audit(
        connection,
        row.company_id,
        now,
        who=by,
        what=f"conflict {what}",
        why=why,
        detail={"record": row.id, "before": told},
    )


def asking(connection: Connection, company_id: int) -> Iterator[Row[Any]]:
    """Yield time entries of which a person is to say which side is right.

    A part at a time: there may be years of them, and each may be settled meanwhile.
    """
    last = 0
    while rows := connection.execute(
        sa.select(_RECORD)
        .where(
            _RECORD.c.company_id == company_id,
            _RECORD.c.kind == NAME,
            _RECORD.c.state == "conflict",
            _RECORD.c.id > last,
        )
        .order_by(_RECORD.c.id)
        .limit(_BATCH)
    ).all():
        yield from rows
        last = rows[-1].id


def _said(side: str) -> str:
    return "settled: left as it is" if side == LEFT else f"settled: {side} is right"


def _decided_otherwise(
    connection: Connection, row: Row[Any], side: str, answered: dict[str, Any]
) -> dict[str, Any]:
    """Return what is kept of a conflict in which nothing is asked any more.

    Raises:
        NothingToSettle: a value that was not kept cannot be taken from here.
    """
    told = row.conflict or {}
    decided = {
        name: one
        for name, one in told.items()
        if one.get("kept") is not None and not one.get("seen")
    }
    if not decided:
        return answered
    other = {name for name, one in decided.items() if one["kept"] != side}
    if not other:
        return conflict.seen({**told, **_by_rule(decided)})
    two_way = registry.get(connection, row.company_id).two_way
    if not two_way or other - conflict.takes_other(told, side):
        name = min(other)
        raise NothingToSettle(
            f"Both sides have what {decided[name]['kept']} had as {name}. "
            "Enter the other value again where you want to have it."
        )
    said = {"settled": side, "instead": True, "used": False}
    wants = {name: {**told[name], **said} for name in other}
    return {**conflict.seen(told), **wants}


def _by_rule(decided: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was decided without what was to be taken in its place."""
    said = {"settled", "instead", "used"}
    return {
        name: {key: value for key, value in one.items() if key not in said}
        if one.get("instead")
        else dict(one)
        for name, one in decided.items()
    }


def _not_carried_out(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in told.items() if one.get("kept") is None}


def _answered(
    told: Mapping[str, Any], names: Iterable[str], side: str
) -> dict[str, Any]:
    return {**told, **{name: {**told[name], "settled": side} for name in names}}
