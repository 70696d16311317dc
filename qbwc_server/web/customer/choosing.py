"""Choices: what each person, customer, job and service item is in Mosaic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, get_args

import sqlalchemy as sa
from flask import Blueprint, Response, abort, redirect, request, url_for
from sqlalchemy.engine import Connection
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as Answer

from qbwc_server.companies.registry import Company
from qbwc_server.companies.team import time_claims
from qbwc_server.decisions import bulk, linking, listing
from qbwc_server.decisions.linking import Word
from qbwc_server.decisions.suggestions import NoPlace, search, the_exact_one
from qbwc_server.errors import QbwcError
from qbwc_server.onboarding import forecast
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_reading, company_transaction
from qbwc_server.web.asked import GREATEST, whole
from qbwc_server.web.customer.site import BY, Site
from qbwc_server.words import NEEDS

_RECORD = tables.record
LISTS: Final = {
    "people": "People",
    "jobs": "Customers and jobs",
    "items": "Service items",
}
"""The lists that choices are made in, in the order of their tabs."""
_SAID: Final[frozenset[str]] = frozenset(
    {*linking.WAYS, *get_args(get_args(bulk.Said)[1])}
)
DONE: Final = {
    "new": "is made anew in Mosaic",
    "none": "is not linked",
    "later": "is decided later",
    "match": "is matched",
    "unlink": "is not linked any more",
    "undo": "is as it was before",
}
"""What became of a record of which something was said."""
FOR_ALL: Final = {
    "match": "Match what is the same",
    "new": "Import as new",
    "none": "Do not link",
    "later": "Decide later",
    "undo": "Undo",
}
"""What can be said of all that a filter leaves, with its button."""
_AT_ONCE = 25
ALL_AT_ONCE = 500
"""As many are done while somebody waits; the page then goes on with the next."""
"""Greater numbers are none of a database."""
_MOST = 100
"""More are not chosen for at once."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which part of which list is on the page; forms carry it along."""

    group: str
    need: str
    search: str
    after: int

    @property
    def as_fields(self) -> dict[str, str | int]:
        """What a form or an address says to come back to it; what is empty is not."""
        told: dict[str, str | int] = {
            "list": self.group,
            "need": self.need,
            "search": self.search,
            "after": self.after,
        }
        return {name: value for name, value in told.items() if value}


def blueprint(site: Site) -> Blueprint:
    """Return GET and POST /setup/<token>/choices, and GET of one of the records."""
    pages = Blueprint("choosing", __name__)

    @pages.get("/setup/<token>/choices")
    def look(token: str) -> Response:
        company = site.company(token)
        said = request.args.get("said", "")
        about = request.args.getlist("about", type=whole)[:_MOST]
        about = [number for number in about if 0 < number <= GREATEST]
        told: dict[str, Any] = {}
        if said in DONE and about:
            told = {
                "notice": _done(site, company, said, about),
                "undo": about if said != "undo" else [],
            }
        return shown(site, token, company, read_filter(request.args), **told)

    @pages.get("/setup/<token>/choices/<int:record_id>")
    def one(token: str, record_id: int) -> Response:
        company = site.company(token)
        text = request.args.get("find", "")
        with company_reading(site.engine, company.id) as connection:
            records = listing.show(connection, company, [record_id])
            group = _group(records[0].kind) if records else None
            if group is None:
                abort(404)
            found, why_not = _find(connection, company, record_id, text)
        return site.page(
            "choice",
            token,
            company,
            active="choices",
            record=records[0],
            the_exact_one=the_exact_one,
            filter=read_filter(request.args, group),
            find=text,
            found=found,
            why_not=why_not,
        )

    @pages.post("/setup/<token>/choices")
    def choose(token: str) -> Answer:
        company = site.company(token)
        filter_ = read_filter(request.form)
        records = request.form.getlist("record", type=whole)
        most = ALL_AT_ONCE if request.form.get("said") == "undo" else _MOST
        if len(records) > most or not all(0 < one <= GREATEST for one in records):
            abort(400)
        if not records:
            notice = "Nothing is changed: select records first."
            return shown(site, token, company, filter_, notice=notice, is_bad=True)
        said, refused = _do(site, company, request.form.get("said", ""), records)
        look_again(site, company)
        if refused:
            left = f"{len(records) - len(refused)} of {len(records)} done. "
            notice = (left if len(records) > 1 else "") + " ".join(refused[:3])
            return shown(
                site, token, company, filter_, notice=notice, is_bad=True, status=409
            )
        told: dict[str, Any] = {"said": said, "about": records, **filter_.as_fields}
        page = url_for("choosing.look", token=token, **told)
        return redirect(page, 303)

    return pages


def look_again(site: Site, company: Company) -> None:
    """Count anew what another company file has too, where any is of the team."""
    if company.time_claims != time_claims.NONE:
        forecast.in_common(site.engine, company, site.clock)


def shown(
    site: Site, token: str, company: Company, filter_: Filter, **told: Any
) -> Response:
    """Return the page of a part of a list; `told` is what was just done."""
    with company_reading(site.engine, company.id) as connection:
        page = listing.page(
            connection,
            company,
            filter_.group,
            need=filter_.need or None,
            search=filter_.search,
            after=filter_.after,
            limit=_AT_ONCE,
        )
    values = {"notice": "", "is_bad": False, "undo": [], "goes_on": None, **told}
    return site.page(
        "choices",
        token,
        company,
        active="choices",
        records=page.records,
        following=page.after,
        the_exact_one=the_exact_one,
        filter=filter_,
        lists=LISTS,
        for_all=FOR_ALL,
        **values,
    )


def _group(kind: str) -> str | None:
    """Return the list that a kind is in; nobody chooses for time."""
    return next((name for name in LISTS if kind in listing.GROUPS[name]), None)


def read_filter(values: MultiDict[str, str], group: str = "people") -> Filter:
    """Return the filter of a form or an address; a strange one ends the request."""
    group, need = values.get("list", group), values.get("need", "")
    if group not in LISTS or need not in {"", *NEEDS}:
        abort(404)
    after = max(values.get("after", 0, type=whole) or 0, 0)
    search = values.get("search", "").strip()[:100]
    return Filter(group, need, search, min(after, GREATEST))


def _find(
    connection: Connection, company: Company, record_id: int, text: str
) -> tuple[list[Any], str]:
    """Return what a search in Mosaic finds for a record, or why it can find nothing."""
    if not text.strip():
        return [], ""
    row = connection.execute(
        sa.select(_RECORD).where(
            _RECORD.c.company_id == company.id, _RECORD.c.id == record_id
        )
    ).one()
    try:
        return list(search(connection, company, row, text[:100])), ""
    except NoPlace as error:
        return [], error.support


def _do(
    site: Site, company: Company, button: str, records: list[int]
) -> tuple[str, list[str]]:
    """Do what a button says, and return what was said and each refusal's reason.

    "link:7" and "share:7" name the object of Mosaic for one record; "share" alone, like
    the ways of `linking`, is for as many as are selected.
    """
    said, colon, named = button.partition(":")
    share = said == "share"
    if colon:
        single = said in {"link", "share"} and len(records) == 1
        try:
            mosaic_id = whole(named)
        except ValueError:
            abort(400)
        if not single or mosaic_id <= 0:
            abort(400)
        return "match", _link(site, company, records[0], mosaic_id, share=share)
    said = "match" if share else said
    if said not in _SAID:
        abort(400)
    return said, _say(site, company, said, records, share=share)


def _link(
    site: Site, company: Company, record_id: int, mosaic_id: int, *, share: bool
) -> list[str]:
    """Link a record as a person said; return why not, nothing if it is done."""
    word = Word(BY, site.clock())
    try:
        with company_transaction(site.engine, company.id) as connection:
            linking.link_by_hand(
                connection, company.id, record_id, mosaic_id, word, share=share
            )
    except QbwcError as error:
        return [error.support]
    return []


def _say(
    site: Site, company: Company, said: str, records: list[int], *, share: bool
) -> list[str]:
    """Say the same of records; return for each that refuses why."""
    answer = bulk.say(
        site.engine,
        company,
        said,  # type: ignore[arg-type]  # it is one of them
        records,
        by=BY,
        clock=site.clock,
        share=share,
    )
    return [reason for _, reason in answer.refused]


def _done(site: Site, company: Company, said: str, about: list[int]) -> str:
    """Return what became of the records that were just chosen for."""
    with company_reading(site.engine, company.id) as connection:
        rows = listing.show(connection, company, about)
    if len(rows) != 1:
        return f"{len(rows)} records: each {DONE[said]}."
    told = f"{rows[0].name} {DONE[said]}"
    if said == "match" and rows[0].mosaic_name:
        told += f" with {rows[0].mosaic_name}"
    return f"{told}."
