"""The same choice for all that a filter leaves: asked back, done in parts, undone."""

from __future__ import annotations

from flask import Blueprint, abort, request
from sqlalchemy.engine import Connection
from werkzeug.wrappers import Response as Answer

from qbwc_server.companies.registry import Company
from qbwc_server.decisions import bulk, listing
from qbwc_server.storage.database import company_reading
from qbwc_server.web.asked import GREATEST, whole
from qbwc_server.web.customer.choosing import (
    ALL_AT_ONCE,
    DONE,
    FOR_ALL,
    LISTS,
    Filter,
    read_filter,
    shown,
)
from qbwc_server.web.customer.site import BY, Site

_MOST = 10_000
"""More than so many are told as "more than"; they are chosen all the same."""


def blueprint(site: Site) -> Blueprint:
    """Return POST /setup/<token>/choices/all: first a question, then what is said."""
    pages = Blueprint("choosing_all", __name__)

    @pages.post("/setup/<token>/choices/all")
    def choose_all(token: str) -> Answer:
        company, filter_ = site.company(token), read_filter(request.form)
        said = request.form.get("said", "")
        if said not in FOR_ALL:
            abort(400)
        if request.form.get("sure") != "yes":
            with company_reading(site.engine, company.id) as connection:
                ids, following = _matching(connection, company, filter_, _MOST)
            return site.page(
                "choices_all",
                token,
                company,
                active="choices",
                filter=filter_,
                lists=LISTS,
                said=said,
                question=FOR_ALL[said],
                many=len(ids),
                is_more=following is not None,
            )
        begins = max(request.form.get("begins", 0, type=whole) or 0, 0)
        with company_reading(site.engine, company.id) as connection:
            ids, goes_on = _matching(
                connection, company, filter_, ALL_AT_ONCE, min(begins, GREATEST)
            )
        answer = bulk.say(
            site.engine,
            company,
            said,  # type: ignore[arg-type]  # it is one of them
            ids,
            by=BY,
            clock=site.clock,
        )
        return shown(
            site,
            token,
            company,
            filter_,
            notice=_told_of_all(said, answer),
            is_bad=bool(answer.refused),
            undo=answer.done if said != "undo" else [],
            goes_on={"said": said, "begins": goes_on} if goes_on is not None else None,
        )

    return pages


def _matching(
    connection: Connection,
    company: Company,
    filter_: Filter,
    limit: int,
    after: int = 0,
) -> tuple[list[int], int | None]:
    """Return ids of all that the page's filter leaves, whatever page it shows."""
    return listing.matching(
        connection,
        company.id,
        filter_.group,
        need=filter_.need or None,
        search=filter_.search,
        after=after,
        limit=limit,
    )


def _told_of_all(said: str, answer: bulk.Answer) -> str:
    """Say how many were changed, how many were so, and why others were not."""
    told = f"{answer.changed:,} {'record' if answer.changed == 1 else 'records'}: each "
    told += f"{DONE[said]}."
    if answer.unchanged:
        told += f" {answer.unchanged:,} {'was' if answer.unchanged == 1 else 'were'} "
        told += "so before."
    if answer.refused:
        why = " ".join(dict.fromkeys(reason for _, reason in answer.refused[:3]))
        told += f" {len(answer.refused):,} could not be: {why}"
    return told
