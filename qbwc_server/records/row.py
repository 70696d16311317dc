"""The one statement that changes records by their ids, for what stands beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy.engine import Connection, Row

from qbwc_server.records.waiting import chunks
from qbwc_server.storage import statements, tables

_RECORD = tables.record
_OF_A_SIDE: Final[Mapping[str, tuple[str, ...]]] = {
    "quickbooks": (
        *("quickbooks_id", "quickbooks", "edit_sequence", "time_modified"),
        *("time_created", "txn_number", "parent_id"),
    ),
    "mosaic": ("mosaic_type", "mosaic_id", "mosaic", "mosaic_created_at"),
}


def side_of(row: Row[Any], side: str) -> dict[str, Any]:
    """Return what a record has of its entry on a side, which goes where that goes."""
    return {name: getattr(row, name) for name in _OF_A_SIDE[side]}


def change(
    connection: Connection,
    company_id: int,
    record_ids: int | Iterable[int],
    **values: object,
) -> None:
    """Set columns of one record, or of many."""
    if isinstance(record_ids, int):
        key = {"company_id": company_id, "id": record_ids}
        statements.change(connection, _RECORD, key, values)
        return
    for part in chunks(list(record_ids)):
        connection.execute(
            _RECORD.update()
            .where(_RECORD.c.company_id == company_id, _RECORD.c.id.in_(part))
            .values(**values)
        )
