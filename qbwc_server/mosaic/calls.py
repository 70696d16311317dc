"""Builds the calls: which method, which path, which body for which operation.

Pure: `names` says what the API calls things, this puts them together, and `client`
sends them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from qbwc_server.mosaic.names import DATA_TYPES, METADATA, SOURCE, Action, Names

_FOUR_PLACES = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request, without host and key."""

    method: str
    path: str
    params: tuple[tuple[str, str], ...] = ()
    body: Mapping[str, Any] | None = None
    data_type: str = field(default="", kw_only=True)
    mosaic_id: int | None = field(default=None, kw_only=True)

    @property
    def writes(self) -> bool:
        """Whether it may change anything in Mosaic."""
        return self.method != "GET"


def query(filters: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Write filters as query parameters; a list as `name[]` for each of its values.

    Raises:
        ValueError: A list is empty. It means "none", but without the parameter Mosaic
            would give all.
    """
    params: list[tuple[str, str]] = []
    for name, value in filters.items():
        if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str):
            if not value:
                raise ValueError(f"{name} is empty")
            params += [(f"{name}[]", _parameter(each)) for each in value]
        elif value is not None:
            params.append((name, _parameter(value)))
    return tuple(params)


def _parameter(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)


def create(data_type: str, fields: Mapping[str, object], ref: str) -> Call:
    """Build the call that creates an object.

    `fields` carry the names of Mosaic's answers (`is_billable`, `description`).

    Raises:
        ValueError: A field cannot be written.
    """
    body = _body(data_type, DATA_TYPES[data_type].create, fields)
    return Call(
        "POST", data_type, body=body | _marked(ref, "create"), data_type=data_type
    )


def update(
    data_type: str, mosaic_id: int, fields: Mapping[str, object], ref: str
) -> Call:
    """Build the call that changes the given fields of an object.

    Raises:
        ValueError: A field cannot be written, or one the API insists on is missing.
    """
    kind = DATA_TYPES[data_type]
    body = _body(data_type, kind.update, fields)
    if kind.update_needs and kind.update_needs not in body:
        raise ValueError(f"updating {data_type} needs {kind.update_needs}")
    return _put(data_type, mosaic_id, body | _marked(ref, "update"))


def archive(
    data_type: str, mosaic_id: int, ref: str, *, project_id: int | None = None
) -> Call:
    """Build the call that archives an object and keeps everything below it.

    Raises:
        ValueError: The API cannot archive it, or `project_id` is missing for a phase.
    """
    action = DATA_TYPES[data_type].archive
    if action is None:
        raise ValueError(f"Mosaic's API cannot archive {data_type}")
    body = _action_body(action, project_id) | _marked(ref, "archive")
    return _act(data_type, mosaic_id, action, body)


def unarchive(
    data_type: str, mosaic_id: int, ref: str, *, project_id: int | None = None
) -> Call:
    """Build the call that brings an archived object back.

    Raises:
        ValueError: As `archive`.
    """
    action = DATA_TYPES[data_type].unarchive
    if action is None:
        raise ValueError(f"Mosaic's API cannot unarchive {data_type}")
    body = _action_body(action, project_id) | _marked(ref, "unarchive")
    return _act(data_type, mosaic_id, action, body)


def delete_time_entries(ids: Sequence[int], ref: str) -> Call:
    """Build the call that deletes time entries; the only deletion we ever ask for."""
    if not ids:
        raise ValueError("no time entry to delete")
    body = {"time_entry_ids": list(ids)} | _marked(ref, "delete")
    return Call("DELETE", "time_entry", body=body, data_type="time_entry")


def _marked(ref: str, op: str) -> dict[str, Any]:
    return {METADATA: {"source": SOURCE, "ref": ref, "op": op}}


def _action_body(action: Action, project_id: int | None) -> dict[str, Any]:
    if not action.needs_project:
        return dict(action.body)
    if project_id is None:
        raise ValueError("archiving a phase, or bringing it back, needs project_id")
    return {**action.body, "project_id": project_id}


def _act(data_type: str, mosaic_id: int, action: Action, body: dict[str, Any]) -> Call:
    if action.method == "PUT":
        return _put(data_type, mosaic_id, body)
    in_query = DATA_TYPES[data_type].id_in_query
    return Call(
        "DELETE",
        data_type if in_query else f"{data_type}/{mosaic_id:d}",
        ((in_query, str(mosaic_id)),) if in_query else (),
        body,
        data_type=data_type,
        mosaic_id=mosaic_id,
    )


def _put(data_type: str, mosaic_id: int, body: dict[str, Any]) -> Call:
    in_body = DATA_TYPES[data_type].id_in_body
    return Call(
        "PUT",
        data_type if in_body else f"{data_type}/{mosaic_id:d}",
        body={in_body: mosaic_id} | body if in_body else body,
        data_type=data_type,
        mosaic_id=mosaic_id,
    )


def _body(data_type: str, names: Names, fields: Mapping[str, object]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for name, value in fields.items():
        if name not in names:
            raise ValueError(f"{data_type}.{name} cannot be written in Mosaic")
        for sent in names[name]:
            body[sent] = _value(value)
    return body


def _value(value: object) -> object:
    if isinstance(value, Decimal):
        # A third of an hour has no exact decimal form; four places are far below the
        # minute QuickBooks counts in, and a float prints them exactly.
        return float(value.quantize(_FOUR_PLACES, rounding=ROUND_HALF_EVEN))
    return value.isoformat() if isinstance(value, date) else value
