"""Time entries in both shapes: QuickBooks' TimeTracking and Mosaic's time entry.

Both sides are kept as snapshots with the same few names, each in its own terms: a
person is a ListID in QuickBooks and a member's number in Mosaic. What is not in
`FIELDS` does not travel: QuickBooks has no rate on time, Mosaic no class and no payroll
item.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

from qbwc_server.kinds.kind import Seen, required
from qbwc_server.qbxml.request import Body, Request
from qbwc_server.qbxml.response import Ret
from qbwc_server.qbxml.values import (
    duration_from_minutes,
    minutes_from_duration,
    storable,
)

NAME = "time_entry"
PLURAL = "time entries"
FIELDS = ("date", "minutes", "person", "job", "item", "notes", "billable")
"""What is compared and travels, in the order in which it is told."""
QUICKBOOKS_ONLY = ("class", "payroll_item")
LONGEST_NOTES = 4095
MOST_MINUTES = 24 * 60
BILLED = "HasBeenBilled"
ELEMENTS = (
    *("TxnID", "TimeCreated", "TimeModified", "EditSequence", "TxnNumber", "TxnDate"),
    *("EntityRef", "CustomerRef", "ItemServiceRef", "Duration", "ClassRef"),
    *("PayrollItemWageRef", "Notes", "BillableStatus", "ExternalGUID"),
)
_REFS = {
    "person": "EntityRef",
    "job": "CustomerRef",
    "item": "ItemServiceRef",
    "class": "ClassRef",
    "payroll_item": "PayrollItemWageRef",
}
RANK_OF_EDITS = 10
"""Edits of entries that both sides have are delivered before anything else."""
_RANK_OF_NEW, _OLDEST_RANKED = 60, 120
CLOCKS_DIFFER = timedelta(minutes=1)
"""How far Mosaic's clock may be from ours."""
_LONGEST_NAME = 200
_SIXTY = Decimal(60)
_FOUR_PLACES = Decimal("0.0001")


def see(ret: Ret) -> Seen:
    """Return a TimeTrackingRet as a snapshot in QuickBooks' terms.

    `job` and `item` are ListIDs or None, `billable` is BillableStatus or "". Minutes
    are whole. `parent_id` is the person's ListID, `name` is for people.

    Raises:
        ValueError: TxnID, TxnDate, EntityRef or Duration is missing or unreadable.
    """
    minutes = minutes_from_duration(required(ret, "Duration"))
    day = date.fromisoformat(required(ret, "TxnDate")).isoformat()
    refs = {field: ret.text(name, "ListID") or None for field, name in _REFS.items()}
    if refs["person"] is None:
        raise ValueError(f"{ret.type} without the ListID of a person")
    return Seen(
        quickbooks_id=required(ret, "TxnID"),
        name=label(
            day,
            ret.text("EntityRef", "FullName"),
            minutes,
            ret.text("CustomerRef", "FullName"),
        ),
        snapshot={
            "date": day,
            "minutes": minutes,
            **refs,
            "notes": normal(ret.text("Notes")),
            "billable": ret.text("BillableStatus"),
        },
        edit_sequence=ret.text("EditSequence"),
        time_modified=ret.text("TimeModified"),
        rank=60,
        parent_id=refs["person"],
    )


def guid_of(ret: Ret) -> str | None:
    """Return the ExternalGUID of a TimeTrackingRet in our spelling, if it has one."""
    return ret.text("ExternalGUID").strip().lower() or None


def from_mosaic(
    body: Mapping[str, Any], *, partly: bool = False
) -> dict[str, Any] | None:
    """Return a time entry of Mosaic as a snapshot in Mosaic's terms.

    `person` is the member's number, `job` [project, phase], `item` the standard work
    category's, `billable` a bool. Hours become whole minutes, half a minute up. None
    if the body tells too little; `partly` takes one that says that it has no member or
    no project, with None for its number.
    """
    number = _number if partly else int
    try:
        hours = Decimal(str(body["hours"]))
        day = date.fromisoformat(str(body["date"])[:10]).isoformat()
        refs = {
            "person": number(body["member_id"]),
            "job": [number(body["project_id"]), _number(body.get("phase_id"))],
            "item": _number(body.get("standard_work_category_id")),
        }
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return None
    return {
        "date": day,
        "minutes": minutes_of(hours),
        **refs,
        "notes": normal(str(body.get("description") or "")),
        "billable": bool(body.get("is_billable")),
        "updated_at": str(body.get("updated_at") or ""),
    }


def _number(value: Any) -> int | None:
    return None if value is None else int(value)


def minutes_of(hours: Decimal) -> int:
    """Return decimal hours as whole minutes: 0.3333 is 20."""
    return int((hours * _SIXTY).to_integral_value(rounding=ROUND_HALF_UP))


def hours_of(minutes: int) -> Decimal:
    """Return whole minutes as hours with four places, which give the minutes back."""
    return (Decimal(minutes) / _SIXTY).quantize(_FOUR_PLACES)


def mosaic_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields in Mosaic's terms by the names in Mosaic's answers."""
    sent: dict[str, Any] = {}
    for field, value in values.items():
        match field:
            case "date":
                sent["date"] = value
            case "minutes":
                sent["hours"] = float(hours_of(value))
            case "person":
                sent["member_id"] = value
            case "job":
                sent["project_id"], sent["phase_id"] = value
            case "item":
                sent["standard_work_category_id"] = value
            case "notes":
                sent["description"] = value
            case "billable":
                sent["is_billable"] = value
            case _:
                raise ValueError(f"{field} does not travel")
    return sent


def normal(text: str) -> str:
    """Return notes as they are compared: composed, LF, no blanks at ends of lines.

    QuickBooks answers text with CR LF and without trailing spaces.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return unicodedata.normalize(
        "NFC", "\n".join(one.rstrip() for one in lines)
    ).strip()


def notes_for_quickbooks(text: str) -> str:
    """Return notes as QuickBooks can keep them: Windows-1252, at most 4,095 characters.

    Longer ones end with "..."; Mosaic keeps the whole text.
    """
    kept = normal(storable(normal(text)))
    if len(kept) <= LONGEST_NOTES:
        return kept
    return kept[: LONGEST_NOTES - 3].rstrip() + "..."


def is_billable(status: str) -> bool:
    """Tell what a BillableStatus of QuickBooks means in Mosaic."""
    return status in {"Billable", BILLED}


def billable_status(*, billable: bool) -> str:
    """Return the BillableStatus for Mosaic's flag."""
    return "Billable" if billable else "NotBillable"


def content_key(snapshot: Mapping[str, Any]) -> str:
    """Return what tells entries of Mosaic apart that have no number yet.

    Person, day, project, phase, work category, minutes and notes. Several entries may
    have the same; the notes are hashed, because they are longer than an index takes.
    """
    project, phase = snapshot["job"]
    item, minutes = snapshot["item"], snapshot["minutes"]
    notes = hashlib.sha256(snapshot["notes"].encode()).hexdigest()[:32]
    work = f"{project}/{phase or ''}/{item or ''}/{minutes}"
    return f"{snapshot['person']}/{snapshot['date']}/{work}/{notes}"


def moment(text: object) -> datetime | None:
    """Return a timestamp of Mosaic, None if it does not tell a moment."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else None


@lru_cache(maxsize=10_000)
def delivery_rank(day: str, today: date, *, linked: bool) -> int:
    """Return how early an entry is delivered: edits first, then the newest days."""
    if linked:
        return RANK_OF_EDITS
    age = (today - date.fromisoformat(day)).days // 30
    return _RANK_OF_NEW + min(max(age, 0), _OLDEST_RANKED)


def label(day: str, person: str, minutes: int, job: str) -> str:
    """Return an entry's name for people: "2026-03-02 Anna Berg 8:00 Acme:House"."""
    return " ".join(filter(None, (day, person, in_hours(minutes), job)))


def in_hours(minutes: int) -> str:
    """Return minutes as people write hours: 1:30, 1,240:00."""
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else ''}{hours:,}:{rest:02}"


def glimpse(ret: Ret) -> str:
    """Return a name for people of an entry that cannot be read, of what it shows."""
    shown = (
        ret.text("TxnDate"),
        ret.text("EntityRef", "FullName"),
        ret.text("Duration"),
        ret.text("CustomerRef", "FullName"),
    )
    return " ".join(filter(None, shown))[:_LONGEST_NAME]


def build(action: str, payload: Mapping[str, Any]) -> Request:
    """Return the request of a job that writes time, without its requestID.

    Args:
        action: "add", "mod" or "del".
        payload: "fields" in QuickBooks' terms; for "add" all and "guid"; for "mod" and
            "del" "txn_id"; for "mod" "edit_sequence" and always "person" and "minutes",
            of the others those that change. An empty class, payroll item or notes is
            cleared.
    """
    if action == "del":
        body: Body = (("TxnDelType", "TimeTracking"), ("TxnID", payload["txn_id"]))
        return Request("TxnDelRq", body)
    fields = payload["fields"]
    if action == "add":
        inner = (*_body(fields, skip_empty=True), ("ExternalGUID", payload["guid"]))
        name = "TimeTrackingAdd"
    else:
        stamps: Body = (
            ("TxnID", payload["txn_id"]),
            ("EditSequence", payload["edit_sequence"]),
        )
        inner = (*stamps, *_body(fields, skip_empty=False))
        name = "TimeTrackingMod"
    elements: Body = tuple(("IncludeRetElement", element) for element in ELEMENTS)
    return Request(f"{name}Rq", ((name, inner), *elements))


def _body(fields: Mapping[str, Any], *, skip_empty: bool) -> Body:
    found: list[tuple[str, Any]] = []
    for field, element in (
        ("date", "TxnDate"),
        ("person", "EntityRef"),
        ("job", "CustomerRef"),
        ("item", "ItemServiceRef"),
        ("minutes", "Duration"),
        ("class", "ClassRef"),
        ("payroll_item", "PayrollItemWageRef"),
        ("notes", "Notes"),
        ("billable", "BillableStatus"),
    ):
        value: Any = fields.get(field)
        if field not in fields or (skip_empty and not value and field != "minutes"):
            continue
        if field == "minutes":
            found.append((element, duration_from_minutes(value)))
        elif element.endswith("Ref"):
            found.append((element, (("ListID", value),) if value else ()))
        else:
            found.append((element, value))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class SeenTime:
    """A time entry as an answer of QuickBooks shows it.

    `guid` is its ExternalGUID in our spelling, `number` its TxnNumber, `created` its
    TimeCreated.
    """

    seen: Seen
    guid: str | None = None
    number: int | None = None
    created: str = ""

    @property
    def txn_id(self) -> str:
        """The id in QuickBooks."""
        return self.seen.quickbooks_id

    @property
    def day(self) -> str:
        """The day that was worked."""
        return str(self.seen.snapshot["date"])


def see_time(ret: Ret) -> SeenTime:
    """Return a TimeTrackingRet with what it tells besides its values.

    Raises:
        ValueError: as `see`.
    """
    number = ret.text("TxnNumber")
    return SeenTime(
        see(ret),
        guid_of(ret),
        int(number) if number.isascii() and number.isdigit() else None,
        ret.text("TimeCreated"),
    )
