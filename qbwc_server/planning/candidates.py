"""What Mosaic has, or is about to have, under the names that records want.

For many records at once: the number of queries does not grow with each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies.team import team_claims
from qbwc_server.kinds.list_plan import Candidate, Wanted, match_key, name_key
from qbwc_server.storage import tables

_OBJECT, _RECORD, _CALL = tables.mosaic_object, tables.record, tables.mosaic_call
_CHUNK = 500


def candidates(
    connection: Connection,
    company_id: int,
    wanted: Mapping[int, Wanted],
    *,
    team: str,
) -> dict[int, list[Candidate]]:
    """Return for each record, by its id, what has any of the names that it wants.

    A project that needs no client, because its customer is the project itself, may
    stand under any.
    """
    found: dict[int, list[Candidate]] = {record_id: [] for record_id in wanted}
    for data_type in {one.data_type for one in wanted.values()}:
        here = {
            record_id: one
            for record_id, one in wanted.items()
            if one.data_type == data_type
        }
        there = _there(connection, company_id, data_type, here)
        elsewhere = team_claims.held_elsewhere(
            connection,
            team,
            company_id,
            data_type,
            sorted({row.mosaic_id for rows in there.values() for row in rows}),
        )
        coming = _coming(connection, company_id, data_type, here)
        for record_id, one in here.items():
            rows = {
                row.mosaic_id: row for name in names(one) for row in there.get(name, ())
            }
            found[record_id] = [
                _candidate(rows[mosaic_id], record_id, one, elsewhere)
                for mosaic_id in sorted(rows)
            ] + [
                Candidate(0, key, archived=False, claimed_by="another record")
                for key in keys(one)
                for other in coming.get(key, ())
                if other != record_id
            ]
    return found


def keys(wanted: Wanted) -> list[str]:
    """Return the keys under which something wanted may be in Mosaic."""
    return [match_key(name, wanted.parent) for name in wanted.names]


def names(wanted: Wanted) -> list[str]:
    """Return what is looked for: keys, or names alone where the place is free."""
    if _under_any(wanted):
        return [name_key(name) for name in wanted.names]
    return keys(wanted)


def _under_any(wanted: Wanted) -> bool:
    return wanted.data_type == "project" and wanted.parent is None


def _there(
    connection: Connection, company_id: int, data_type: str, wanted: Mapping[int, Any]
) -> dict[str, list[Row[Any]]]:
    """Return objects by the name that they were found under."""
    found: dict[str, list[Row[Any]]] = {}
    for column, some in (
        (_OBJECT.c.name_key, [one for one in wanted.values() if _under_any(one)]),
        (_OBJECT.c.match_key, [one for one in wanted.values() if not _under_any(one)]),
    ):
        for part in _chunks(sorted({name for one in some for name in names(one)})):
            rows = connection.execute(
                sa.select(
                    _OBJECT,
                    _RECORD.c.id.label("claimed_id"),
                    _RECORD.c.name.label("claimed_by"),
                )
                .select_from(_OBJECT.outerjoin(_RECORD, _CLAIMED))
                .where(
                    _OBJECT.c.company_id == company_id,
                    _OBJECT.c.data_type == data_type,
                    column.in_(part),
                )
            )
            for row in rows:
                if not row.snapshot.get("is_main"):
                    found.setdefault(getattr(row, column.name), []).append(row)
    return found


_CLAIMED = sa.and_(
    _RECORD.c.company_id == _OBJECT.c.company_id,
    _RECORD.c.mosaic_type == _OBJECT.c.data_type,
    _RECORD.c.mosaic_id == _OBJECT.c.mosaic_id,
)


def _coming(
    connection: Connection, company_id: int, data_type: str, wanted: Mapping[int, Any]
) -> dict[str, list[int]]:
    """Return by key the records for which something is being created under it."""
    found: dict[str, list[int]] = {}
    for part in _chunks(sorted({key for one in wanted.values() for key in keys(one)})):
        rows = connection.execute(
            sa.select(_CALL.c.match_key, _CALL.c.record_id).where(
                _CALL.c.company_id == company_id,
                _CALL.c.data_type == data_type,
                _CALL.c.operation == "create",
                _CALL.c.settled_at.is_(None),
                _CALL.c.match_key.in_(part),
                _CALL.c.record_id.is_not(None),
            )
        )
        for row in rows:
            found.setdefault(row.match_key, []).append(row.record_id)
    return found


def _candidate(
    row: Row[Any], record_id: int, wanted: Wanted, elsewhere: set[int]
) -> Candidate:
    return Candidate(
        row.mosaic_id,
        match_key(row.name) if _under_any(wanted) else row.match_key,
        row.is_archived,
        None if row.claimed_id == record_id else row.claimed_by,
        elsewhere=row.mosaic_id in elsewhere,
    )


def _chunks(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]
