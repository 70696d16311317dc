"""What either side has of a record, field by field, in words that people read. Pure.

A time entry refers to people, jobs and items by numbers; each is told with its name
where the company has a record of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from sqlalchemy.engine import Row

from qbwc_server.web import say

Names: TypeAlias = Mapping[tuple[str, str | int], str]
"""What records are called, by kind and id in QuickBooks, type and number in Mosaic."""
_KINDS: Final = {
    "person": ("employee", "vendor", "other_name"),
    "item": ("service_item",),
    "job": ("customer",),
    "parent": (),
}
"""Fields that refer to something, and what that may be in QuickBooks."""
_TYPES: Final = {
    "person": ("employee",),
    "item": ("standard_work_category",),
    "job": ("phase", "project"),
    "parent": ("project", "client"),
}
"""The same fields, and what that may be in Mosaic."""


def plain(value: Any) -> str:
    """Return a value of a snapshot or a detail as text."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=say.iso)


def references(row: Row[Any]) -> tuple[list[str], list[int]]:
    """Return ids in QuickBooks and numbers in Mosaic that a record refers to."""
    found = list(dict.fromkeys(_references(row)))
    of_quickbooks = [one for one in found if isinstance(one, str)]
    return of_quickbooks, [one for one in found if isinstance(one, int)]


def sides(row: Row[Any], names: Names) -> list[dict[str, Any]]:
    """Return what each side has of each field, and what both last agreed on."""
    agreed = row.agreed or {}
    # Of time, what either side had is kept in its own terms; one of them is enough.
    if isinstance(agreed.get("quickbooks"), Mapping):
        agreed = agreed["quickbooks"]
    each = [row.quickbooks or {}, row.mosaic or {}, agreed]
    fields = dict.fromkeys(name for side in each for name in side)
    return [
        {
            "name": _named(field),
            "values": [_told(field, side.get(field), names) for side in each],
            "differs": field in (row.conflict or {}),
        }
        for field in fields
    ]


def conflict(row: Row[Any], names: Names) -> list[dict[str, Any]]:
    """Return the fields that both sides changed, with both values."""
    return [
        {
            "name": _named(field),
            "quickbooks": _told(field, one.get("quickbooks"), names),
            "mosaic": _told(field, one.get("mosaic"), names),
            "kept": one.get("kept"),
            "settled": one.get("settled"),
        }
        for field, one in (row.conflict or {}).items()
    ]


def _named(field: str) -> str:
    """Return what a field is called: minutes are told as hours."""
    return "hours" if field == "minutes" else field.replace("_", " ")


def _references(row: Row[Any]) -> Iterator[str | int]:
    for side in (row.quickbooks or {}, row.mosaic or {}, *_changed(row)):
        for field in _TYPES:
            value = side.get(field)
            for one in value if isinstance(value, list) else (value,):
                if isinstance(one, str | int) and not isinstance(one, bool):
                    yield one


def _changed(row: Row[Any]) -> Iterator[dict[str, Any]]:
    for side in ("quickbooks", "mosaic"):
        yield {field: one.get(side) for field, one in (row.conflict or {}).items()}


def _told(field: str, value: Any, names: Names) -> str:
    if field == "minutes" and isinstance(value, int):
        hours, minutes = divmod(value, 60)
        return f"{hours}:{minutes:02}"
    if field not in _TYPES or value is None:
        return plain(value)
    parts = value if isinstance(value, list) else [value]
    keys = [
        (kind, one)
        for of_side, type_ in ((_KINDS, str), (_TYPES, int))
        for kind in of_side[field]
        for one in parts
        if isinstance(one, type_)
    ]
    name = next((names[key] for key in keys if key in names), None)
    ids = ", ".join(plain(one) for one in parts if one is not None)
    return plain(value) if name is None else f"{name} ({ids})"
