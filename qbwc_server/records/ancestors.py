"""Records with all that they stand under: a query for each level, however many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.kinds.kind import Lineage, Relative
from qbwc_server.storage import tables

_RECORD = tables.record
_DEEPEST = 12
"""QuickBooks has five levels; more than this is a circle in what was read."""
_CHUNK = 500


def lineage(connection: Connection, company_id: int, row: Row[Any]) -> Lineage:
    """Return a record's lineage, from its topmost ancestor down to itself."""
    return lineages(connection, company_id, [row])[row.id]


def lineages(
    connection: Connection, company_id: int, rows: Sequence[Row[Any]]
) -> dict[int, Lineage]:
    """Return the lineages of records by their ids; see `lineage`."""
    known = {(row.kind, row.quickbooks_id): row for row in rows}
    above: Sequence[Row[Any]] = rows
    for _ in range(_DEEPEST):
        missing: dict[str, set[str]] = {}
        for row in above:
            if row.parent_id is not None and (row.kind, row.parent_id) not in known:
                missing.setdefault(row.kind, set()).add(row.parent_id)
        above = [
            row
            for kind, ids in missing.items()
            for row in _of_quickbooks(connection, company_id, kind, ids)
        ]
        known |= {(row.kind, row.quickbooks_id): row for row in above}
        if not above:
            break
    return {row.id: _lineage(row, known) for row in rows}


def _lineage(row: Row[Any], known: Mapping[tuple[str, str], Row[Any]]) -> Lineage:
    found = [_relative(row)]
    parent_id = row.parent_id
    while parent_id is not None and len(found) < _DEEPEST:
        above = known.get((row.kind, parent_id))
        if above is None or above.quickbooks_gone:
            found.append(Relative(parent_id, {}, "pending", missing=True))
            break
        found.append(_relative(above))
        parent_id = above.parent_id
    return tuple(reversed(found))


def _relative(row: Row[Any]) -> Relative:
    return Relative(
        quickbooks_id=row.quickbooks_id,
        quickbooks=row.quickbooks or {},
        state=row.state,
        mosaic_type=row.mosaic_type,
        mosaic_id=row.mosaic_id,
        mosaic=row.mosaic,
    )


def _of_quickbooks(
    connection: Connection, company_id: int, kind: str, ids: Iterable[str]
) -> Iterator[Row[Any]]:
    listed = sorted(ids)
    for start in range(0, len(listed), _CHUNK):
        yield from connection.execute(
            sa.select(_RECORD).where(
                _RECORD.c.company_id == company_id,
                _RECORD.c.kind == kind,
                _RECORD.c.quickbooks_id.in_(listed[start : start + _CHUNK]),
            )
        )
