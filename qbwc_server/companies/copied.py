"""A company that goes on from a restored copy of our own database.

What was made since the copy is unknown to it, on both sides. Until a side was read
down once, what it shows and no record has is marked as that; and what QuickBooks tells
as deleted, of which no record knows, tells that somebody deleted something since.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

from sqlalchemy.engine import Connection

from qbwc_server.companies import registry
from qbwc_server.companies.registry import Company

Side: TypeAlias = Literal["quickbooks", "mosaic"]
_UNREAD: Final = "unread"
_SINCE: Final = "deletions_since"
_DELETED: Final = "deleted_until"
_ANYWHERE = timedelta(days=1)
"""How far a wall clock may be from ours, which is UTC."""


def begin(
    connection: Connection, company_id: int, now: datetime, deletions_since: str | None
) -> None:
    """Note that a company goes on from a copy.

    `deletions_since` is up to when the copy knew of deletions in QuickBooks.
    """
    copied = {
        "at": now.isoformat(),
        _UNREAD: ["quickbooks", "mosaic"],
        _SINCE: deletions_since,
        _DELETED: None,
    }
    registry.change(connection, company_id, copied=copied)


def is_unread(company: Company, side: Side) -> bool:
    """Tell whether what a side shows now may be from between the copy and today."""
    return side in (company.copied or {}).get(_UNREAD, ())


def was_read(connection: Connection, company: Company, side: Side) -> None:
    """Note that a side was read down once: what comes now is new."""
    if is_unread(company, side):
        left = [one for one in (company.copied or {})[_UNREAD] if one != side]
        copied = {**(company.copied or {}), _UNREAD: left}
        registry.change(connection, company.id, copied=copied)


def were_deleted(
    connection: Connection, company: Company, moments: Iterable[str]
) -> None:
    """Note when entries were deleted in QuickBooks that no record knows."""
    copied = company.copied
    if copied is None:
        return
    since = copied.get(_SINCE) or ""
    latest = max((one for one in moments if one > since), default="")
    if latest > (copied.get(_DELETED) or ""):
        registry.change(connection, company.id, copied={**copied, _DELETED: latest})


def may_be_deleted(company: Company, created: str | None) -> bool:
    """Tell whether what QuickBooks had deleted may be an entry of Mosaic.

    `created` is when Mosaic says that it was made there; unknown counts as before.
    """
    until = (company.copied or {}).get(_DELETED)
    if not until:
        return False
    last = datetime.fromisoformat(until[:10]) + _ANYWHERE
    return (created or "")[:10] <= last.date().isoformat()
