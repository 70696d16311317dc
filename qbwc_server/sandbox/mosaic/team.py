"""One team in the sandbox's Mosaic: what it allows and what follows from a change.

Rules are those of Mosaic's public pages: a project comes with a main phase; a phase's
name and number are unique below its parent and Mosaic counts up duplicates; a time
entry needs member, project, phase and work category; e-mail addresses are unique;
what had time spent on it is archived, not deleted; clients cannot be deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

from qbwc_server.sandbox.mosaic.fields import SPECS, Refused, check_wanted, read_fields
from qbwc_server.sandbox.mosaic.store import Object, Store, phase_key

Clock = Callable[[], datetime]


@dataclass
class TimeRules:
    """What a team makes of the text of a time entry; nothing unless a test says so.

    `longest_text` characters are kept of it, `trims_text` takes blanks off both ends,
    and an entry whose text holds `poison` is refused.
    """

    longest_text: int | None = None
    trims_text: bool = False
    poison: str = ""


class Team:
    """One team's objects and rules.

    `clock` gives aware times. `adopt_clients` says whether a project's client, given by
    name, is created when there is none; whether Mosaic does that is not public.
    """

    def __init__(
        self,
        team_id: str,
        api_key: str,
        clock: Clock,
        *,
        callback_url: str | None = None,
        adopt_clients: bool = True,
        journal: Path | None = None,
    ) -> None:
        self.team_id = team_id
        self.api_key = api_key
        self.callback_url = callback_url
        self.store = Store(SPECS, journal)
        self.time_rules = TimeRules()
        self._clock = clock
        self._adopt_clients = adopt_clients
        self._last_stamp = datetime.min.replace(tzinfo=clock().tzinfo)

    def get(self, data_type: str, mosaic_id: int) -> Object:
        """Give an object.

        Raises:
            Refused: There is none (404).
        """
        try:
            return self.store.objects[data_type][mosaic_id]
        except KeyError:
            raise Refused(404, f"Unable to find {_title(data_type)}") from None

    def create(self, data_type: str, body: Mapping[str, Any]) -> Object:
        """Create an object from the fields of a request.

        Raises:
            Refused: With 422 and the reason.
        """
        check_wanted(SPECS[data_type].wants, body)
        fields = read_fields(data_type, body)
        stamp = self.stamp()
        item: Object = {
            "mosaic_id": self.store.new_id(),
            "mosaic_team_id": int(self.team_id) if self.team_id.isdigit() else 0,
            **SPECS[data_type].starts_with,
            **fields,
            "created_at": stamp,
            "updated_at": stamp,
        }
        if data_type == "activity_phase" and not (
            item["title"] or item["standard_work_category_id"]
        ):
            raise Refused(422, "title or standard_work_category_id can't be blank")
        item = self._settle(data_type, item)
        self.store.put(data_type, item)
        if data_type == "project":
            item = self._add_main_phase(item)
        return item

    def update(self, data_type: str, mosaic_id: int, body: Mapping[str, Any]) -> Object:
        """Change the fields a request names.

        Raises:
            Refused: With 404 or 422 and the reason.
        """
        old = self.get(data_type, mosaic_id)
        check_wanted(SPECS[data_type].wants_to_update, body)
        fields = read_fields(data_type, body)
        for name in SPECS[data_type].wants:
            if name in fields and fields[name] in (None, ""):
                raise Refused(422, f"{name} can't be blank")
        item = self._settle(data_type, {**old, **fields, "updated_at": self.stamp()})
        self.store.put(data_type, item)
        return item

    def remove(
        self, data_type: str, mosaic_id: int, *, force_archive: bool
    ) -> Object | None:
        """Delete an object, or archive it when asked or when time was spent on it.

        Returns:
            The archived object, or None when it is gone.
        """
        old = self.get(data_type, mosaic_id)
        spent = self.store.found(f"time on {data_type}", mosaic_id)
        if force_archive or spent or data_type in ("employee", "portfolio"):
            item = {**old, "is_archived": True, "updated_at": self.stamp()}
            self.store.put(data_type, item)
            return item
        if data_type == "project":
            for phase_id in self.store.found("phases of", mosaic_id):
                self.store.drop("phase", phase_id)
        self.store.drop(data_type, mosaic_id)
        return None

    def delete_time_entries(self, ids: list[int]) -> None:
        """Delete time entries, all or none (404 when one is not there)."""
        for mosaic_id in ids:
            self.get("time_entry", mosaic_id)
        for mosaic_id in dict.fromkeys(ids):
            self.store.drop("time_entry", mosaic_id)

    def stamp(self) -> str:
        """Give the time as Mosaic writes it; later than every one given before."""
        step = timedelta(milliseconds=1)
        self._last_stamp = max(self._clock(), self._last_stamp + step)
        return self._last_stamp.isoformat(timespec="milliseconds")

    def render(self, data_type: str, item: Object) -> Object:
        """Give an object as an answer shows it, with the names it points to."""
        if data_type == "phase":
            return {**item, "title": item["name"]}
        if data_type != "time_entry":
            return item
        objects = self.store.objects
        member = objects["employee"].get(item["member_id"], {})
        project = objects["project"].get(item["project_id"], {})
        portfolio = objects["portfolio"].get(project.get("portfolio_id", 0), {})
        phase = objects["phase"].get(item["phase_id"], {})
        work_id = item["standard_work_category_id"]
        work = objects["standard_work_category"].get(work_id, {})
        activity = self.store.found("activity", item["phase_id"], work_id)
        names = (member.get("first_name"), member.get("last_name"))
        return {
            **item,
            "recorded_hours": item["hours"],
            "invoice_hours": None,
            "member_name": " ".join(filter(None, names)),
            "member_email": member.get("email"),
            "project_title": project.get("title"),
            "phase_name": phase.get("name"),
            "portfolio_id": project.get("portfolio_id"),
            "portfolio_name": portfolio.get("title"),
            "activity_phase_id": activity[0] if activity else None,
            "standard_work_category_title": work.get("title"),
        }

    def _settle(self, data_type: str, item: Object) -> Object:
        """Check what an object points to and apply what Mosaic makes of it."""
        for name, target in SPECS[data_type].points_to.items():
            pointer = item.get(name)
            if pointer is not None and pointer not in self.store.objects[target]:
                raise Refused(422, f"{name} is invalid")
        match data_type:
            case "employee":
                self._check_email(item)
            case "portfolio":
                if item.pop("archive", False):
                    item["is_archived"] = True
                if item.pop("unarchive", False):
                    item["is_archived"] = False
            case "project":
                self._find_client(item)
            case "phase":
                self._make_unique(item)
            case "time_entry":
                self._check_time(item)
        return item

    def _check_email(self, item: Object) -> None:
        if "@" not in item["email"]:
            raise Refused(422, "email is invalid")
        holders = self.store.found("employee with", item["email"].casefold())
        if any(holder != item["mosaic_id"] for holder in holders):
            raise Refused(422, "email has already been taken")

    def _find_client(self, item: Object) -> None:
        name = item.pop("client", None)
        if not name:
            return
        named = self.store.found("client named", name)
        if not named and not self._adopt_clients:
            raise Refused(422, "client is invalid")
        if not named:
            named = [self.create("client", {"client_name": name})["mosaic_id"]]
        item["client_id"] = named[0]

    def _make_unique(self, item: Object) -> None:
        parent = item["parent_id"]
        if parent is not None:
            above = self.store.objects["phase"][parent]
            if above["project_id"] != item["project_id"]:
                raise Refused(422, "parent_id is invalid")
        wanted = item["name"]
        for number in count(1):
            holders = self.store.found(*phase_key(item))
            if not holders or holders == [item["mosaic_id"]]:
                return
            item["name"] = f"{wanted} ({number})"

    def _check_time(self, item: Object) -> None:
        phase = self.store.objects["phase"][item["phase_id"]]
        if phase["project_id"] != item["project_id"]:
            raise Refused(422, "phase_id is invalid")
        if not 0 < Decimal(item["hours"]) <= 24:
            raise Refused(422, "hours must be between 0 and 24")
        rules, text = self.time_rules, item["description"] or ""
        if rules.poison and rules.poison in text:
            raise Refused(422, "description is invalid")
        if rules.trims_text:
            text = text.strip()
        item["description"] = text[: rules.longest_text] or None

    def _add_main_phase(self, project: Object) -> Object:
        fields = {
            "project_id": project["mosaic_id"],
            "name": project["title"],
            "is_main": True,
        }
        phase = self.create("phase", fields)
        project = {**project, "main_phase_id": phase["mosaic_id"]}
        self.store.put("project", project)
        return project


def _title(data_type: str) -> str:
    return data_type.replace("_", " ").title()
