"""Conflicts side by side, and the buttons that say which side is right.

Beside them stands what was joined because it was typed on both sides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Response, abort, redirect, request, url_for
from sqlalchemy.engine import Row
from werkzeug.wrappers import Response as Answer

from qbwc_server.companies.registry import Company
from qbwc_server.decisions import billable, conflicts, one_or_two
from qbwc_server.kinds import conflict, edited
from qbwc_server.onboarding import company_status
from qbwc_server.records.one_or_two import joined
from qbwc_server.standing import to_see
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_reading, company_transaction
from qbwc_server.web.asked import whole
from qbwc_server.web.customer import naming
from qbwc_server.web.customer.site import BY, Site, after
from qbwc_server.words import looks

_RECORD = tables.record
_SIDES = ("quickbooks", "mosaic")
_SEEN = "seen"
"""In place of a side: what was decided is only taken off the list."""
_AT_ONCE = 20
_COUNTED = 1_000
_SHOWN = 60
_SETTLED = "Your choice is kept."
_FIELDS = {
    "date": "Day",
    "minutes": "Duration",
    "person": "Person",
    "job": "Customer or job",
    "item": "Service item",
    "notes": "Notes",
    "billable": "Billable",
}


def blueprint(site: Site) -> Blueprint:
    """Return GET /setup/<token>/conflicts, and POST of one with its side, or as seen.

    POST of `joined` has seen what was joined, or says of one that it is two; POST of
    `billable` says for all that differ in that alone which side is right.
    """
    pages = Blueprint("to_settle", __name__)

    @pages.get("/setup/<token>/conflicts")
    def all_(token: str) -> Response:
        return _told(site, token)

    @pages.post("/setup/<token>/conflicts/<int:record_id>")
    def settle(token: str, record_id: int) -> Answer:
        company, now = site.company(token), site.clock()
        side = request.form.get("side", "")
        if side not in {*_SIDES, _SEEN}:
            abort(400)
        try:
            with company_transaction(site.engine, company.id) as connection:
                row = connection.execute(
                    sa.select(_RECORD).where(
                        _RECORD.c.company_id == company.id, _RECORD.c.id == record_id
                    )
                ).first()
                if row is None:
                    abort(404)
                said: dict[str, Any] = {"by": BY, "now": now}
                said["shown"] = request.form.get("shown")
                if side == _SEEN:
                    conflicts.see(connection, row, **said)
                else:
                    conflicts.settle(connection, row, side, **said)
        except conflicts.NothingToSettle as error:
            return _told(site, token, notice=error.support, status=409)
        page = url_for("to_settle.all_", token=token, settled=record_id)
        return redirect(page, 303)

    _add_joined(pages, site)
    _add_billable(pages, site)
    return pages


def _add_billable(pages: Blueprint, site: Site) -> None:
    """Add the one question about hours that differ in billable alone."""

    @pages.post("/setup/<token>/conflicts/billable")
    def billable_(token: str) -> Answer:
        company, now = site.company(token), site.clock()
        side = request.form.get("side", "")
        if side not in _SIDES:
            abort(400)
        with company_transaction(site.engine, company.id) as connection:
            billable.settle(connection, company.id, side, by=BY, now=now)
        return redirect(url_for("to_settle.all_", token=token), 303)


def _add_joined(pages: Blueprint, site: Site) -> None:
    """Add the form about what was typed on both sides."""

    @pages.post("/setup/<token>/conflicts/joined")
    def joined_(token: str) -> Answer:
        company, now = site.company(token), site.clock()
        two = request.form.get("two", type=whole)
        numbers = request.form.getlist("number", type=whole)
        if len(numbers) > _AT_ONCE or (two is None and "seen" not in request.form):
            abort(400)
        try:
            with company_transaction(site.engine, company.id) as connection:
                if two is None:
                    joined.see(connection, company.id, numbers, now)
                else:
                    one_or_two.two(connection, company.id, two, by=BY, now=now)
        except one_or_two.NotToBeSaid as error:
            return _told(site, token, notice=error.support, status=409)
        return redirect(url_for("to_settle.all_", token=token), 303)


def _told(site: Site, token: str, *, notice: str = "", status: int = 200) -> Response:
    """Return the page of conflicts, with what is to be said of it."""
    company = site.company(token)
    settled = request.args.get("settled", type=whole)
    with company_reading(site.engine, company.id) as connection:
        rows, following = company_status.conflicting(
            connection, company.id, after(), _AT_ONCE
        )
        name = naming.name_of(connection, company.id)
        cases = [_case(company, row, name) for row in rows]
        both = joined.rows(connection, company.id, limit=_AT_ONCE)
        told = to_see.of_joined(connection, company.id)
        differing = billable.differing(connection, company.id, limit=_COUNTED)
    if settled is not None:
        notice = _SETTLED
    return site.page(
        "conflicts",
        token,
        company,
        status=status,
        active="conflicts",
        cases=cases,
        billable=differing,
        joined=[_joined(row) for row in both],
        joined_told="; ".join(told),
        following=following,
        notice=notice,
    )


def _joined(row: Row[Any]) -> dict[str, Any]:
    """Return an entry that was joined, as the page shows it."""
    notes = str((row.mosaic or {}).get("notes") or "")[:_SHOWN]
    return {"record_id": row.record_id, "name": row.name, "notes": notes}


def _case(
    company: Company, row: Row[Any], name: Callable[[str, Any], str]
) -> dict[str, Any]:
    """Return a conflict side by side, in words; `name` names what a value refers to."""
    fields = []
    told = {n: one for n, one in (row.conflict or {}).items() if not one.get("seen")}
    for field, one in told.items():
        fields.append(
            {
                "title": _FIELDS.get(field, field.replace("_", " ")),
                "quickbooks": _value(field, one.get("quickbooks"), name),
                "mosaic": _value(field, one.get("mosaic"), name),
                "kept": one.get("kept"),
                "settled": one.get("settled"),
            }
        )
    kept = next((one["kept"] for one in fields if one["kept"]), None)
    other = "mosaic" if kept == "quickbooks" else "quickbooks"
    lost = {name for name, one in told.items() if one.get("kept") == kept}
    takes = company.two_way and lost == conflict.takes_other(told, other)
    return {
        "id": row.id,
        "name": row.name,
        "fields": fields,
        "asked": bool(conflict.asked(row.conflict)),
        "shown": conflict.mark(row.conflict),
        "settled": next((one["settled"] for one in fields if one["settled"]), None),
        "kept": kept,
        "other": other if takes else None,
        "instead": any(one.get("instead") for one in told.values()),
        "because": looks.kept_because(kept, company.policy, two_way=company.two_way)
        if kept
        else "",
        "quickbooks_at": edited.in_quickbooks(
            row.time_modified, row.edit_sequence, company.offset_minutes
        ),
        "mosaic_at": edited.in_mosaic(row.mosaic),
    }


def _value(field: str, value: Any, name: Callable[[str, Any], str]) -> str:
    if value is None or value == "":
        return "(empty)"
    if field == "minutes":
        hours, minutes = divmod(int(value), 60)
        return f"{hours}:{minutes:02}"
    if field == "billable":
        return {"Billable": "yes", True: "yes", "HasBeenBilled": "billed"}.get(
            value, "no"
        )
    return str(name(field, value))
