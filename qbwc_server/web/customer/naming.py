"""Names for what a time entry refers to: people read no numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.storage import tables

_RECORD = tables.record
_KINDS_OF: Final = {
    "person": ("employee", "vendor", "other_name"),
    "job": ("customer",),
    "item": ("service_item",),
}
_TYPES_OF: Final = {"person": "employee", "item": "standard_work_category"}


def name_of(connection: Connection, company_id: int) -> Callable[[str, Any], str]:
    """Return a function that names what a time entry refers to, on either side."""

    def named(field: str, value: Any) -> str:
        condition = _same_object(field, value)
        if condition is None:
            return str(value)
        name = connection.execute(
            sa.select(_RECORD.c.name)
            .where(_RECORD.c.company_id == company_id, condition)
            .limit(1)
        ).scalar()
        return str(name) if name else str(value)

    return named


def _same_object(field: str, value: Any) -> sa.ColumnElement[bool] | None:
    """Return the condition for the record of a reference, None if it is none."""
    if field not in _KINDS_OF or value is None:
        return None
    if isinstance(value, str):
        return _RECORD.c.kind.in_(_KINDS_OF[field]) & (_RECORD.c.quickbooks_id == value)
    if field == "job":
        project, phase = value
        return sa.or_(_in_mosaic("phase", phase), _in_mosaic("project", project))
    return _in_mosaic(_TYPES_OF[field], value)


def _in_mosaic(mosaic_type: str, mosaic_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(
        _RECORD.c.mosaic_type == mosaic_type, _RECORD.c.mosaic_id == mosaic_id
    )
