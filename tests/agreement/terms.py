"""The terms in which tests speak of time: names, minutes and text, for either side."""

from __future__ import annotations

import sqlite3
import unicodedata
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Protocol

from qbwc_server.qbxml.values import storable
from qbwc_server.sandbox.mosaic.team import Team
from qbwc_server.sandbox.quickbooks.company_file import CompanyFile

FIELDS = ("day", "minutes", "person", "job", "item", "text", "billable")
Values = dict[str, Any]
Entry = tuple[Any, Values]
"""An entry of one side: its id there, and its values."""


class Sides(Protocol):
    """Both sides of one company, with the ids of what has a name in QuickBooks."""

    file: CompanyFile
    jobs: dict[str, str]
    persons: dict[str, str]
    items: dict[str, str]

    @property
    def team(self) -> Team:
        """The company's team in Mosaic."""


def text_of(text: str | None) -> str:
    """Return a text in the form that both sides can keep."""
    lines = (text or "").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    plain = "\n".join(line.rstrip() for line in lines).strip()
    return storable(unicodedata.normalize("NFC", plain)).strip()


def quickbooks_entries(sides: Sides) -> list[Entry]:
    """Return the time in the company file."""
    names = {value: name for name, value in sides.persons.items()}
    jobs = {value: name for name, value in sides.jobs.items()}
    items = {value: name for name, value in sides.items.items()}

    def values(row: sqlite3.Row) -> Values:
        return {
            "day": row["txn_date"],
            "minutes": row["minutes"],
            "person": names.get(row["entity_id"]),
            "job": jobs.get(row["customer_id"]),
            "item": items.get(row["item_id"]),
            "text": text_of(row["notes"]),
            "billable": row["billable"] in {"Billable", "HasBeenBilled"},
        }

    rows = sides.file.store.all("SELECT * FROM time_entry")
    return [(row["txn_id"], values(row)) for row in rows]


def mosaic_entries(sides: Sides) -> list[Entry]:
    """Return the time of the team in Mosaic."""
    objects = sides.team.store.objects
    return [
        (one["mosaic_id"], values_in_mosaic(one, objects))
        for one in objects["time_entry"].values()
    ]


def values_in_mosaic(one: Mapping[str, Any], objects: Mapping[str, Any]) -> Values:
    """Return the values of an entry of Mosaic, among the objects of its team."""
    member = objects["employee"][one["member_id"]]
    project = objects["project"][one["project_id"]]
    phase = objects["phase"][one["phase_id"]]
    client = objects["client"].get(project["client_id"])
    top = f"{client['client_name']}:" if client is not None else ""
    job = f"{top}{project['title']}"
    minutes = Decimal(str(one["hours"])) * 60
    return {
        "day": one["date"],
        "minutes": int(minutes.to_integral_value(rounding=ROUND_HALF_UP)),
        "person": f"{member['first_name']} {member['last_name']}",
        "job": job if phase["is_main"] else f"{job}:{phase['name']}",
        "item": objects["standard_work_category"][one["standard_work_category_id"]][
            "title"
        ],
        "text": text_of(one["description"]),
        "billable": one["is_billable"],
    }


def links(sides: Sides, values: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what values refer to in Mosaic, None if something is not there yet."""
    objects = sides.team.store.objects
    first, last = str(values["person"]).split()
    client, title, *phase = str(values["job"]).split(":")
    clients = {one["client_name"]: key for key, one in objects["client"].items()}
    found: dict[str, Any] = {}
    for key, one in objects["employee"].items():
        if (one["first_name"], one["last_name"]) == (first, last):
            found["member_id"] = key
    for key, one in objects["project"].items():
        if (one["title"], one["client_id"]) == (title, clients.get(client)):
            found["project_id"] = key
            found["phase_id"] = one["main_phase_id"]
    if phase:
        found.pop("phase_id", None)
    for key, one in objects["phase"].items():
        if phase == [one["name"]] and one["project_id"] == found.get("project_id"):
            found["phase_id"] = key
    for key, one in objects["standard_work_category"].items():
        if one["title"] == values["item"]:
            found["standard_work_category_id"] = key
    return found if len(found) == 4 else None
