"""What people did to time, kept apart from both sides: what must still be there.

Each entry is born with a mark of its own in its text, so that one that is there twice
or nowhere is seen. Values are in neutral terms: names, minutes, text.
"""

from __future__ import annotations

import sqlite3
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
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


@dataclass
class Life:
    """One entry: the last value that anybody gave to each field.

    `deleted` says that somebody deleted it, so that it need not be there; `forgiven`
    are the fields whose last value a restored backup took away.
    """

    values: Values
    deleted: bool = False
    forgiven: set[str] = field(default_factory=set)


def text_of(text: str | None) -> str:
    """Return a text in the form that both sides can keep."""
    lines = (text or "").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    plain = "\n".join(line.rstrip() for line in lines).strip()
    return storable(unicodedata.normalize("NFC", plain)).strip()


def mark_of(text: str | None) -> str:
    """Return the mark in a text, the first word of it."""
    return (text or "").split(maxsplit=1)[0] if (text or "").strip() else ""


class Ledger:
    """All entries of a history by their marks, which begin with `sign`."""

    def __init__(self, house: Sides, sign: str = "#") -> None:
        self.lives: dict[str, Life] = {}
        self._house = house
        self._sign = sign

    def new_mark(self) -> str:
        """Return a mark that no entry has had."""
        return f"{self._sign}{len(self.lives) + 1}"

    # What both sides hold

    def in_quickbooks(self) -> dict[str, list[Entry]]:
        """Return what is in the company file, by mark."""
        found: dict[str, list[Entry]] = {}
        for row in self._house.file.store.all("SELECT * FROM time_entry"):
            values = self._quickbooks_values(row)
            found.setdefault(mark_of(row["notes"]), []).append((row["txn_id"], values))
        return found

    def in_mosaic(self) -> dict[str, list[Entry]]:
        """Return what is in Mosaic, by mark."""
        objects = self._house.team.store.objects
        found: dict[str, list[Entry]] = {}
        for one in objects["time_entry"].values():
            values = self._mosaic_values(one, objects)
            mark = mark_of(one["description"])
            found.setdefault(mark, []).append((one["mosaic_id"], values))
        return found

    def _quickbooks_values(self, row: sqlite3.Row) -> Values:
        house = self._house
        names = {value: name for name, value in house.persons.items()}
        jobs = {value: name for name, value in house.jobs.items()}
        items = {value: name for name, value in house.items.items()}
        return {
            "day": row["txn_date"],
            "minutes": row["minutes"],
            "person": names.get(row["entity_id"]),
            "job": jobs.get(row["customer_id"]),
            "item": items.get(row["item_id"]),
            "text": text_of(row["notes"]),
            "billable": row["billable"] in {"Billable", "HasBeenBilled"},
        }

    @staticmethod
    def _mosaic_values(one: Mapping[str, Any], objects: Mapping[str, Any]) -> Values:
        member = objects["employee"][one["member_id"]]
        project = objects["project"][one["project_id"]]
        phase = objects["phase"][one["phase_id"]]
        client = objects["client"].get(project["client_id"], {"client_name": "?"})
        job = f"{client['client_name']}:{project['title']}"
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

    # What people did

    def born(self, mark: str, values: Values) -> None:
        """Note a new entry."""
        self.lives[mark] = Life({**values, "text": text_of(values["text"])})

    def edited(self, mark: str, **values: Any) -> None:
        """Note that somebody gave an entry other values."""
        if "text" in values:
            values["text"] = text_of(values["text"])
        self.lives[mark].values.update(values)
        self.lives[mark].forgiven -= values.keys()

    def deleted(self, mark: str) -> None:
        """Note that somebody deleted an entry."""
        self.lives[mark].deleted = True

    def restored(self, before: Mapping[str, list[Entry]]) -> None:
        """Note that a backup took the place of a company file that held `before`."""
        after = self.in_quickbooks()
        for mark, life in self.lives.items():
            was, is_now = before.get(mark), after.get(mark)
            if (was is None) != (is_now is None):
                life.deleted = True
            elif was and is_now:
                old, new = was[0][1], is_now[0][1]
                life.forgiven |= {name for name in FIELDS if old[name] != new[name]}
