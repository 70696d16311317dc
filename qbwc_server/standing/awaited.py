"""The records that others wait for, by the way in which these name them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.records.references import PEOPLE
from qbwc_server.storage import tables

_RECORD = tables.record
_KINDS: Final = (*PEOPLE, "customer", "service_item")
_AT_ONCE: Final = 500


def of(
    connection: Connection, company_id: int, names: Collection[str]
) -> dict[str, Row[Any, Any, Any]]:
    """Return state and waits_for of records, by names like `customer:80000001-1`.

    What is named otherwise, or is not known, is left out.
    """
    found: dict[str, Row[Any, Any, Any]] = {}
    for kind in _KINDS:
        ids = sorted(
            one.removeprefix(f"{kind}:") for one in names if one.startswith(f"{kind}:")
        )
        for start in range(0, len(ids), _AT_ONCE):
            rows = connection.execute(
                sa.select(
                    _RECORD.c.quickbooks_id, _RECORD.c.state, _RECORD.c.waits_for
                ).where(
                    _RECORD.c.company_id == company_id,
                    _RECORD.c.kind == kind,
                    _RECORD.c.quickbooks_id.in_(ids[start : start + _AT_ONCE]),
                )
            )
            found |= {f"{kind}:{row.quickbooks_id}": row for row in rows}
    return found
