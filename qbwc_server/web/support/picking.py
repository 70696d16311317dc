"""The page on which somebody picks what a record is in Mosaic, by its name.

What might be it stands first, as customers see it; a search finds others that are free
and in the right place. It is a part of acting, so it is read with the server's own
login, held to the company, and shown to those who may act.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, request
from sqlalchemy.engine import Row
from werkzeug.wrappers import Response as Answer

from qbwc_server.companies import registry
from qbwc_server.decisions import link_checks, listing, suggestions
from qbwc_server.errors import QbwcError
from qbwc_server.storage.database import company_reading
from qbwc_server.web.support.addresses import MOST_TEXT
from qbwc_server.web.support.site import Console, only_looks


def add(routes: Blueprint, console: Console) -> None:
    """Add the page."""

    @routes.get("/records/<int:company_id>-<int:number>/link")
    def pick(company_id: int, number: int) -> Answer | tuple[str, int, dict[str, str]]:
        row = console.read(lambda db: console.one(db, "records", company_id, number))
        if not console.person.may_act:
            return only_looks()
        return _page(console, row)


def _page(console: Console, row: Row[Any]) -> Answer:
    text = request.args.get("find", "").strip()[:MOST_TEXT]
    company = registry.numbered(console.site.engine, row.company_id)
    why_not = ""
    found: list[suggestions.Suggestion] = []
    with company_reading(console.site.engine, company.id) as connection:
        shown = listing.show(connection, company, [row.record_id])
        if not shown:
            abort(404)
        may_be = list(shown[0].suggestions)
        try:
            record = link_checks.record_to_link(connection, company.id, row.record_id)
            link_checks.place(connection, company, record)
            if text:
                found = suggestions.search(connection, company, record, text)
        except QbwcError as error:
            why_not = error.support
    known = {one.mosaic_id for one in may_be}
    return console.page(
        "link",
        of="records",
        row=row,
        find=text,
        picks=[*may_be, *(one for one in found if one.mosaic_id not in known)],
        found=len(found),
        why_not=why_not,
    )
