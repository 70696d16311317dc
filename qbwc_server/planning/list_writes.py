"""A planned step of a record of a list, and the write to Mosaic that it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Row

from qbwc_server.companies.registry import Company
from qbwc_server.delivery.outbox import New
from qbwc_server.kinds.list_plan import Action, Do, Wanted, match_key
from qbwc_server.kinds.mosaic_lists import wire
from qbwc_server.planning.list_facts import Facts


@dataclass(frozen=True, slots=True)
class Planned:
    """What is done next about a record; `row` is None for what is of no record."""

    row: Any
    action: Action
    data_type: str
    key: str = ""
    """The form in which what is created is looked for."""


def planned(facts: Facts, row: Row[Any]) -> Planned:
    """Plan a record by the facts that were gathered for it."""
    wanted = facts.wanted[row.id]
    action = facts.plan(row)
    data_type, key = row.mosaic_type, ""
    if isinstance(wanted, Wanted):
        data_type = wanted.data_type if row.mosaic_id is None else row.mosaic_type
        if action.do is Do.CREATE:
            key = match_key(str(action.fields[wanted.key]), wanted.parent)
    return Planned(row, action, data_type, key)


def client_of(one: Planned) -> int | None:
    """Return the client that a write puts a project under."""
    if one.data_type != "project":
        return None
    return one.action.fields.get("parent")


def project_of(one: Planned) -> int | None:
    """Return the project of a phase that is there already."""
    if one.data_type != "phase" or one.row is None or one.row.mosaic is None:
        return None
    found: int | None = one.row.mosaic.get("parent")
    return found


def write_of(company: Company, one: Planned, client: dict[str, Any] | None) -> New:
    """Return the write to keep; `client` is the one that a project stands under."""
    do = one.action.do
    sent = wire(
        one.data_type, one.action.fields, client_name=(client or {}).get("name")
    )
    if do is Do.CREATE and one.data_type == "project":
        sent["portfolio_id"] = company.mosaic_portfolio
    if do is Do.UPDATE and project_of(one) is not None:
        sent["project_id"] = project_of(one)
    there = one.row is not None and do is not Do.CREATE
    return New(
        operation=do.value,
        data_type=one.data_type,
        record_id=None if one.row is None else one.row.id,
        mosaic_id=one.row.mosaic_id if there and one.row is not None else None,
        fields=sent,
        key=one.key,
        reason=one.action.reason,
    )
