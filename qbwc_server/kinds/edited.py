"""When a field of a time entry was changed on either side, and whose change is later.

Pure. Neither side says when a field was changed: QuickBooks and Mosaic have one stamp
for the whole entry, and Mosaic's also moves when somebody approves it. So each change
is kept with the two moments between which it was made: a look that still showed the
former value, and the stamp of the first one that showed the new. Where the moments of
both sides overlap, nobody knows which came first.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeAlias

from qbwc_server.kinds.list_plan import Snapshot
from qbwc_server.kinds.time_entry import FIELDS
from qbwc_server.qbxml.values import InvalidValue, true_offset_minutes, wall_datetime

SideName: TypeAlias = Literal["quickbooks", "mosaic"]
Edited: TypeAlias = "Mapping[str, Mapping[str, list[str]]]"
"""{side: {field: [after, by]}}, both in UTC and ISO 8601."""
CLOCKS = timedelta(minutes=2)
"""How far apart two clocks that are both right may be."""


_NEVER = datetime.min.replace(tzinfo=UTC)


def noted(
    edited: Edited | None,
    side: SideName,
    before: Snapshot | None,
    now_there: Snapshot,
    *,
    after: datetime | None,
    by: datetime | None,
    now: datetime,
    exact: bool = False,
) -> Edited:
    """Return when each field was changed, after a side showed an entry again.

    Args:
        edited: what was known before.
        side: `quickbooks` or `mosaic`.
        before: what the side was known to have, None if nothing.
        now_there: what it has.
        after: a moment when it still had what it had before, None if none is known.
        by: the side's own stamp of its last change, None if that cannot be told. One
            that is before `after` or after `now` is of a clock that is wrong, and one
            that is before `after` may be why it was not seen then.
        now: when it was seen.
        exact: whether `by` is the moment of a change of the entry's own values, so
            that it is the moment of the field's change where only one has changed.
    """
    if before is None:
        return edited or {}
    names = [name for name in FIELDS if before.get(name) != now_there.get(name)]
    if not names:
        return edited or {}
    known = after or _NEVER
    if by is None or by > now + CLOCKS:
        since, until = known, now
    elif by + CLOCKS < known:
        # The look before should have shown it: a clock is behind, or was put back.
        since, until = _NEVER, now
    else:
        since, until = (by if exact and len(names) == 1 else min(known, by)), by
    moments = [since.isoformat(), until.isoformat()]
    fields = {**(edited or {}).get(side, {}), **dict.fromkeys(names, moments)}
    return {**(edited or {}), side: fields}


def later(edited: Edited | None) -> dict[str, SideName]:
    """Return the side whose change of a field is the later one, where that is known."""
    sides = {name: _later(edited, name) for name in FIELDS}
    return {name: side for name, side in sides.items() if side is not None}


def _later(edited: Edited | None, name: str) -> SideName | None:
    here = _moments(edited, "quickbooks", name)
    there = _moments(edited, "mosaic", name)
    if here is None or there is None:
        return None
    if here[0] >= there[1] + CLOCKS:
        return "quickbooks"
    if there[0] >= here[1] + CLOCKS:
        return "mosaic"
    return None


def in_mosaic(entry: Snapshot | None) -> datetime | None:
    """Return when Mosaic's entry was last edited, None if that cannot be told."""
    try:
        at = datetime.fromisoformat((entry or {}).get("updated_at") or "")
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def in_quickbooks(
    time_modified: str | None, edit_sequence: str | None, offset_minutes: int | None
) -> datetime | None:
    """Return when QuickBooks' entry was last edited, None if that cannot be told.

    EditSequence is the Unix second of the edit in nearly every real record; otherwise
    the wall clock with the offset learnt from others, in minutes from UTC.
    """
    modified, sequence = time_modified or "", edit_sequence or ""
    if true_offset_minutes(modified, sequence) is not None:
        return datetime.fromtimestamp(int(sequence), UTC)
    try:
        wall = wall_datetime(modified)
    except InvalidValue:
        return None
    return wall.replace(tzinfo=UTC) - timedelta(minutes=offset_minutes or 0)


def _moments(
    edited: Edited | None, side: SideName, name: str
) -> tuple[datetime, datetime] | None:
    kept: Any = (edited or {}).get(side, {}).get(name)
    if kept is None:
        return None
    after, by = kept
    return datetime.fromisoformat(after), datetime.fromisoformat(by)
