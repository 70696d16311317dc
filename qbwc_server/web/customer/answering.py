"""What is asked of the customer, and the buttons that answer it.

Rule: wherever a page asks for a word there is the button for it, and what touches a
whole company is asked back, with what happens then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, abort, redirect, request, url_for
from sqlalchemy.engine import Connection
from werkzeug.wrappers import Response as Answer

from qbwc_server import words
from qbwc_server.companies import attention
from qbwc_server.companies.registry import Company
from qbwc_server.decisions import before_live, restored
from qbwc_server.decisions.questions import of_company, of_entry
from qbwc_server.errors import QbwcError
from qbwc_server.jobs import by_hand, queue
from qbwc_server.onboarding import mosaic_key
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_reading, company_transaction
from qbwc_server.web.customer.site import BY, Site
from qbwc_server.words import questions
from qbwc_server.words.urgency import WHICH_SIDE

_JOB = tables.job
_MOST = 50
_TAKEN = "Mosaic accepts the key. Delivery goes on within a minute."


def blueprint(site: Site) -> Blueprint:
    """Return GET /setup/<token>/questions, and a POST for each kind of answer."""
    pages = Blueprint("answering", __name__)

    @pages.get("/setup/<token>/questions")
    def all_(token: str) -> Response:
        return _told(site, token, site.company(token))

    _add_of_company(pages, site)
    _add_of_entries(pages, site)
    return pages


def _add_of_company(pages: Blueprint, site: Site) -> None:
    """Add the answers about the connection as a whole."""

    @pages.post("/setup/<token>/questions/<attention_id>")
    def of_company_(token: str, attention_id: str) -> Answer:
        company, said = site.company(token), request.form.get("do", "")
        way = questions.way(attention_id, said)
        if way is None:
            abort(400)
        if request.form.get("sure") != "yes":
            return _asked_back(site, token, company, way)
        now = site.clock()

        def act(connection: Connection) -> None:
            of_company.say(connection, company.id, attention_id, said, now=now, who=BY)

        return _done(site, token, company, act)

    @pages.post("/setup/<token>/mosaic-key")
    def key(token: str) -> Answer:
        company, typed = site.company(token), request.form.get("key", "")
        made = (site.engine, site.keys, site.settings)
        try:
            mosaic_key.take(*made, company, typed, clock=site.clock, who=BY)
        except mosaic_key.KeyNotTaken as error:
            return _told(site, token, company, notice=error.support, status=409)
        return _told(site, token, site.company(token), notice=_TAKEN)


def _add_of_entries(pages: Blueprint, site: Site) -> None:
    """Add the answers about one entry, or about one write of it."""

    @pages.post("/setup/<token>/doubtful/<int:number>")
    def of_job(token: str, number: int) -> Answer:
        company, said = site.company(token), request.form.get("do", "")
        decide = {"missing": by_hand.missing, "leave": by_hand.leave}.get(said)
        if decide is None:
            abort(400)
        now = site.clock()

        def act(connection: Connection) -> None:
            job = by_hand.find(connection, company.id, number)
            if job is None:
                abort(404)
            decide(connection, job, by=BY, now=now)

        return _done(site, token, company, act)

    @pages.post("/setup/<token>/records/<int:number>")
    def of_record(token: str, number: int) -> Answer:
        company, said, now = (
            site.company(token),
            request.form.get("do", ""),
            site.clock(),
        )

        def act(connection: Connection) -> None:
            of_entry.say(connection, company.id, number, said, by=BY, now=now)

        if refused := _refused(site, company, act):
            return _told(site, token, company, notice=refused, status=409)
        return redirect(url_for("every_hour.records", token=token, said="done"), 303)


def _done(
    site: Site, token: str, company: Company, act: Callable[[Connection], object]
) -> Answer:
    """Take an answer, and go back to what is asked; say why not if it is refused."""
    if refused := _refused(site, company, act):
        return _told(site, token, company, notice=refused, status=409)
    return redirect(url_for("answering.all_", token=token, said="done"), 303)


def _refused(
    site: Site, company: Company, act: Callable[[Connection], object]
) -> str | None:
    try:
        with company_transaction(site.engine, company.id) as connection:
            act(connection)
    except QbwcError as error:
        return error.support
    return None


def _asked_back(
    site: Site, token: str, company: Company, way: questions.Way
) -> Response:
    """Return the page that says what happens; its button says the same answer again."""
    with company_reading(site.engine, company.id) as connection:
        lost = restored.hours(connection, company.id)
    return site.page(
        "sure",
        token,
        company,
        active="questions",
        way=way,
        action=request.path,
        lost=lost if request.path.endswith(WHICH_SIDE) else None,
        later=questions.LATER if request.path.endswith(WHICH_SIDE) else "",
    )


def _told(
    site: Site, token: str, company: Company, *, notice: str = "", status: int = 200
) -> Response:
    """Return the page of what is asked, with what is to be said of it."""
    if request.args.get("said") == "done":
        notice = "Your answer is kept."
    with company_reading(site.engine, company.id) as connection:
        standing = attention.standing(connection, company.id)
        asked = [
            _question(one)
            for one in standing
            if of_company.is_answerable(company, one.reason)
        ]
        earlier = before_live.waiting(connection, company.id)
        lost = restored.hours(connection, company.id)
        doubtful = queue.select(
            connection,
            company.id,
            _JOB.c.state == "failed",
            _JOB.c.finished_at.is_(None),
        )
    return site.page(
        "questions",
        token,
        company,
        status=status,
        active="questions",
        notice=notice,
        asked=asked,
        lost=lost,
        lost_of=WHICH_SIDE,
        key_asked=not company.mosaic_key
        or any(one.reason in questions.KEY for one in standing),
        doubtful=[one for one in doubtful if one.in_doubt and not one.doubt.left][
            :_MOST
        ],
        doubtful_ways=questions.DOUBTFUL,
        earlier=earlier,
        earlier_id=questions.BEFORE_LIVE,
        earlier_ways=questions.WAYS[questions.BEFORE_LIVE]
        if company.before_live == "ask"
        else (),
    )


def _question(one: attention.Attention) -> dict[str, Any]:
    told = words.attention(one.reason)
    return {
        "id": one.reason,
        "title": told.happened,
        "text": one.text,
        "since": one.began_at,
        "ways": questions.WAYS[one.reason],
    }
