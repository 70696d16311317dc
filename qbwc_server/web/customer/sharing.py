"""Shared: what another company file of the team has too, said in one step.

Whose the hours are that are entered in Mosaic on a shared project is said with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from flask import Blueprint, Response, abort, redirect, request, url_for
from werkzeug.wrappers import Response as Answer

from qbwc_server.companies.registry import Company
from qbwc_server.companies.team.time_claims import EVERYBODY
from qbwc_server.decisions import time_sharing
from qbwc_server.decisions.overlap import Overlap
from qbwc_server.decisions.questions import of_team
from qbwc_server.decisions.questions.of_team import Row, Said, Shown, Whose
from qbwc_server.onboarding import forecast
from qbwc_server.storage.database import company_reading, company_transaction
from qbwc_server.web.asked import whole
from qbwc_server.web.customer.site import BY, Site

WAYS: Final[Mapping[Said, str]] = {
    "share": "Both share it",
    "new": "Made anew",
    "none": "Not linked",
    "later": "Later",
}
"""What can be said of a row, with its label."""
WHOSE: Final[Mapping[Whose, str]] = {
    "ask": "Ask each time",
    "ours": "This file's",
    "theirs": "The other file's",
}
"""What can be said of the hours on a shared project, with its label."""
_ALL: Final[frozenset[str]] = frozenset({"share", "new"})
_AT_ONCE = 300
"""Rows of a form: so many are carried out while somebody waits."""
_TOLD = 3


def blueprint(site: Site) -> Blueprint:
    """Return GET /setup/<token>/shared, and the POST that says all of it."""
    pages = Blueprint("sharing", __name__)

    @pages.get("/setup/<token>/shared")
    def look(token: str) -> Response:
        notice = "What you said is kept." if "said" in request.args else ""
        return _shown(site, token, site.company(token), notice=notice)

    @pages.post("/setup/<token>/shared")
    def say(token: str) -> Answer:
        company = site.company(token)
        all_ = request.form.get("all", "")
        if all_ and all_ not in _ALL:
            abort(400)
        said, hours = _rows(), _hours()
        rows = of_team.in_order(forecast.in_common(site.engine, company, site.clock))
        wanted, refused = of_team.steps(rows, said, cast("Said | None", all_ or None))
        done = of_team.carry_out(site.engine, company, wanted, by=BY, clock=site.clock)
        with company_transaction(site.engine, company.id) as connection:
            why = of_team.say_hours(connection, company, hours, by=BY, now=site.clock())
        names = {row.one.record_id: _name(row.one) for row in rows}
        why += [
            f"{names[number]}: {reason}" for number, reason in (*refused, *done.refused)
        ]
        if why:
            notice = f"{done.changed} done. " + " ".join(why[:_TOLD])
            return _shown(site, token, company, notice=notice, status=409)
        return redirect(url_for("sharing.look", token=token, said="done"), 303)

    return pages


def _shown(
    site: Site, token: str, company: Company, *, notice: str = "", status: int = 200
) -> Response:
    rows = of_team.in_order(forecast.in_common(site.engine, company, site.clock))
    asked = [row for row in rows if row.one.needs_word and row.one.record_id]
    both = [row for row in rows if not row.one.needs_word]
    projects = {row.one.mosaic_id for row in rows if row.one.data_type == "project"}
    with company_reading(site.engine, company.id) as connection:
        said = time_sharing.of_projects(connection, company, projects)
        waiting = time_sharing.shared_hours(connection, company, only_waiting=True)
    return site.page(
        "shared",
        token,
        company,
        status=status,
        active="shared",
        notice=notice,
        is_bad=status != 200,
        asked=asked[:_AT_ONCE],
        more=max(len(asked) - _AT_ONCE, 0),
        both=_with_hours(both)[:_AT_ONCE],
        shared_now=len(both),
        said=said,
        waiting=waiting[:_AT_ONCE],
        ways=WAYS,
        whose=WHOSE,
        everybody=EVERYBODY,
        ours=time_sharing.OURS,
    )


def _with_hours(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of projects: only on these are hours in Mosaic."""
    return [row for row in rows if row.one.data_type == "project"]


def _name(one: Overlap) -> str:
    return one.record_name or one.name


def _rows() -> dict[Shown, Said | None]:
    """Return what the form says of each row that it was shown with."""
    found: dict[Shown, Said | None] = {}
    for numbers, said in _fields("row"):
        if said and said not in WAYS:
            abort(400)
        found[numbers] = cast("Said | None", said or None)
    return found


def _hours() -> dict[tuple[int, int], Whose]:
    """Return what the form says of hours, by a person or everybody, and project.

    A word for all projects is of those of which the form says to ask.
    """
    for_all = request.form.get("hours", "")
    if for_all and for_all not in WHOSE:
        abort(400)
    found: dict[tuple[int, int], Any] = {}
    for (member, project), whose in _fields("hours"):
        if whose and whose not in WHOSE:
            abort(400)
        is_left = member == EVERYBODY and whose == "ask"
        word = (for_all or whose) if is_left else whose
        if word:
            found[member, project] = word
    return found


def _fields(prefix: str) -> list[tuple[tuple[int, int], str]]:
    """Return the fields whose names are a word and two numbers, with their values."""
    found = []
    for name, value in request.form.items():
        word, _, numbers = name.partition("-")
        if word != prefix or not numbers:
            continue
        try:
            one, two = map(whole, numbers.split("-"))
        except ValueError:
            abort(400)
        found.append(((one, two), value))
    if len(found) > 3 * _AT_ONCE:
        abort(400)
    return found
