"""The one statement that changes records by their ids, for what stands beside it."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.engine import Connection

from qbwc_server.records.waiting import chunks
from qbwc_server.storage import statements, tables

_RECORD = tables.record


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
