"""Objects of Mosaic's lists as snapshots with our own few names, and back.

Time entries have their names in `time_entry`.

A snapshot has `archived`, `parent` (the client of a project, the project of a phase)
and `name`, or for members `email`, `first_name` and `last_name`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qbwc_server.kinds.list_plan import match_key

TYPES = (
    "portfolio",
    "client",
    "project",
    "phase",
    "standard_work_category",
    "employee",
)
CALLED = {"standard_work_category": "work category", "employee": "member"}
"""What people call a type of Mosaic, where that is not its name in the API."""
_NAME = {
    "portfolio": ("title", "name"),
    "client": ("client_name",),
    "project": ("title",),
    "phase": ("name", "title"),
    "standard_work_category": ("title",),
}
_PARENT = {"project": "client_id", "phase": "project_id"}


def snapshot(data_type: str, body: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return an object of Mosaic as a snapshot; None if too little of it is there."""
    archived = bool(body.get("is_archived", body.get("archived")) or False)
    if data_type == "employee":
        if not body.get("email"):
            return None
        return {
            "email": str(body["email"]).strip().lower(),
            "first_name": str(body.get("first_name") or ""),
            "last_name": str(body.get("last_name") or ""),
            "archived": archived,
            "parent": None,
        }
    name = next((body[key] for key in _NAME[data_type] if body.get(key)), None)
    parent_key = _PARENT.get(data_type)
    if name is None or (parent_key is not None and parent_key not in body):
        return None
    found = {
        "name": str(name),
        "archived": archived,
        "parent": None if parent_key is None else body[parent_key],
    }
    if data_type == "project":
        found["main_phase_id"] = body.get("main_phase_id")
    if data_type == "phase":
        found["is_main"] = bool(body.get("is_main"))
    return found


def key_of(data_type: str, found: Mapping[str, Any]) -> str:
    """Return the form in which an object is looked for by its name."""
    if data_type == "employee":
        return match_key(str(found["email"]))
    return match_key(str(found["name"]), found["parent"])


def wire(
    data_type: str, fields: Mapping[str, Any], *, client_name: str | None = None
) -> dict[str, Any]:
    """Return a snapshot's fields by the names that are sent to Mosaic.

    A project is put under a client by the client's name, not its id.
    """
    sent: dict[str, Any] = {}
    for name, value in fields.items():
        if name == "name":
            sent[_NAME[data_type][0]] = value
        elif name == "parent" and data_type == "project":
            sent["client"] = client_name
        elif name == "parent":
            sent["project_id"] = value
        else:
            sent[name] = value
    return sent
