"""Which fields the sandbox's Mosaic takes, wants and gives, per data type.

Written from Mosaic's public reference and samples, independently of the server's own
table: two tables that agree are worth more than one used twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any


class Refused(Exception):
    """Mosaic says no: an HTTP status and its words."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class Spec:
    """One data type.

    `takes` maps a field of a request to (name in answers, kind of value); `wants` are
    required to create, `wants_to_update` to update. `starts_with` are the other fields
    of a new object. `points_to` maps a field to the data type its id must be in.
    """

    takes: Mapping[str, tuple[str, str]]
    wants: tuple[str, ...]
    starts_with: Mapping[str, Any]
    points_to: Mapping[str, str] = field(default_factory=dict)
    wants_to_update: tuple[str, ...] = ()


def _takes(**fields: str) -> dict[str, tuple[str, str]]:
    """Read `billable="flag:is_billable"` as kind and name in answers."""
    table = {}
    for name, rule in fields.items():
        kind, _, stored = rule.partition(":")
        table[name] = (stored or name, kind)
    return table


_BUDGET = {"total": "number", "rate_group_id": "id", "rate_multiplier": "number"}
_SPAN = {"start_date": "day", "end_date": "day"}

SPECS: Mapping[str, Spec] = {
    "client": Spec(
        takes=_takes(client_name="text", description="text"),
        wants=("client_name",),
        starts_with={"description": None, "is_archived": False},
    ),
    "portfolio": Spec(
        takes=_takes(
            title="text", description="text", archive="flag", unarchive="flag"
        ),
        wants=("title",),
        starts_with={"description": None, "is_archived": False},
    ),
    "project": Spec(
        takes=_takes(
            portfolio_id="id",
            title="text",
            description="text",
            project_number="textual",
            client="text",
            billable="flag:is_billable",
            billing_type="text",
            is_archived="flag",
            **_BUDGET,
            **_SPAN,
        ),
        wants=("portfolio_id", "title"),
        starts_with={
            "description": None,
            "project_number": None,
            "client_id": None,
            "budget_bill": None,
            "budget_cost": None,
            "budget_hours": None,
            "budget_status": "active",
            "currency_code": "USD",
            "fee": None,
            "estimated_cost": None,
            "estimated_hours": None,
            "total": None,
            "is_archived": False,
            "is_billable": True,
            "is_main": False,
            "main_phase_id": None,
            "require_vaccination": False,
            "start_date": None,
            "end_date": None,
        },
        points_to={"portfolio_id": "portfolio"},
    ),
    "phase": Spec(
        takes=_takes(
            project_id="id",
            name="text",
            phase_number="textual",
            fee_type="text",
            is_budget="flag",
            estimated_hours="number",
            estimated_cost="number",
            is_main="flag",
            billable="flag:is_billable",
            billing_type="text",
            parent_id="id",
            is_archived="flag",
            **_BUDGET,
            **_SPAN,
        ),
        wants=("project_id", "name"),
        starts_with={
            "phase_number": None,
            "budget_status": "active",
            "total": None,
            "is_billable": True,
            "is_budget": False,
            "is_default": False,
            "is_main": False,
            "is_archived": False,
            "parent_id": None,
            "start_date": None,
            "end_date": None,
            "rate_group_id": None,
        },
        points_to={"project_id": "project", "parent_id": "phase"},
        wants_to_update=("project_id",),
    ),
    "standard_work_category": Spec(
        takes=_takes(
            title="text",
            billable="flag:is_billable",
            archived="flag:is_archived",
            require_title="flag",
        ),
        wants=("title",),
        starts_with={"is_billable": True, "is_archived": False, "activity_code": None},
    ),
    "activity_phase": Spec(
        takes=_takes(
            phase_id="id",
            standard_work_category_id="id",
            title="text",
            fee_type="text",
            billable="flag:is_billable",
            is_custom="flag",
            estimated_cost="number",
            estimated_hours="number",
            is_archived="flag",
            total="number",
            **_SPAN,
        ),
        wants=("phase_id",),
        starts_with={
            "standard_work_category_id": None,
            "title": None,
            "total": None,
            "is_billable": True,
            "is_archived": False,
        },
        points_to={
            "phase_id": "phase",
            "standard_work_category_id": "standard_work_category",
        },
    ),
    "employee": Spec(
        takes=_takes(
            email="text",
            first_name="text",
            last_name="text",
            employment_type="text",
            is_archived="flag",
        ),
        wants=("email", "first_name", "last_name"),
        starts_with={"employment_type": "Member", "is_archived": False},
    ),
    "time_entry": Spec(
        takes=_takes(
            member_id="id",
            project_id="id",
            phase_id="id",
            standard_work_category_id="id",
            date="day",
            hours="number",
            title="text:description",
            description="text",
            rate="number",
            billable="flag:is_billable",
            cost_rate="number",
            description_id="id",
            status="text",
        ),
        wants=(
            *("member_id", "project_id", "phase_id", "standard_work_category_id"),
            *("date", "hours"),
        ),
        starts_with={
            "description": None,
            "description_id": None,
            "rate": None,
            "cost_rate": None,
            "is_billable": True,
            "status": "not_submitted",
        },
        points_to={
            "member_id": "employee",
            "project_id": "project",
            "phase_id": "phase",
            "standard_work_category_id": "standard_work_category",
        },
    ),
}
"""Every data type the sandbox knows, by its name in paths."""


def read_fields(data_type: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Check what a request sends and give it under the names of answers.

    Raises:
        Refused: A field is unknown or its value is of the wrong kind (422).
    """
    takes = SPECS[data_type].takes
    fields = {}
    for name, value in body.items():
        if name not in takes:
            raise Refused(422, f"{data_type} has no attribute {name}")
        stored, kind = takes[name]
        try:
            fields[stored] = None if value is None else _KINDS[kind](value)
        except (TypeError, ValueError, InvalidOperation):
            raise Refused(422, f"{name} is invalid") from None
    return fields


def check_wanted(wanted: tuple[str, ...], body: Mapping[str, Any]) -> None:
    """Refuse a request without a required field, or with an empty one (422)."""
    for name in wanted:
        if body.get(name) in (None, ""):
            raise Refused(422, f"{name} can't be blank")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _textual(value: Any) -> str:
    return str(value) if type(value) is int else _text(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _id(value: Any) -> int:
    if type(value) is not int or value <= 0:
        raise TypeError
    return value


def _number(value: Any) -> str:
    """Keep a number as Mosaic answers it: text with at least one decimal."""
    if type(value) not in (int, float):
        raise TypeError
    text = format(Decimal(str(value)), "f")
    return text if "." in text else f"{text}.0"


def _day(value: Any) -> str:
    return date.fromisoformat(_text(value)).isoformat()


_KINDS = {
    "text": _text,
    "textual": _textual,
    "flag": _flag,
    "id": _id,
    "number": _number,
    "day": _day,
}
