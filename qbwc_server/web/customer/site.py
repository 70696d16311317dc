"""What every page of a customer begins with: whose it is, and where that one stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from flask import (
    Flask,
    Response,
    abort,
    make_response,
    redirect,
    render_template,
    request,
)
from jinja2 import StrictUndefined
from sqlalchemy.engine import Engine
from werkzeug.wrappers import Response as Answer

from qbwc_server import __version__, logs, words
from qbwc_server.companies import attention, credentials, editions
from qbwc_server.companies.registry import Company
from qbwc_server.decisions import before_live
from qbwc_server.decisions.questions import of_company
from qbwc_server.keys import Keys
from qbwc_server.kinds.time_entry import in_hours
from qbwc_server.onboarding import company_status
from qbwc_server.settings import Settings
from qbwc_server.standing import filling, progress, reasons, to_see, who_must_act
from qbwc_server.storage.database import company_reading
from qbwc_server.web import asked, contact, cookies, say
from qbwc_server.web.asked import whole
from qbwc_server.words import questions, urgency
from qbwc_server.words.policies import POLICIES

_LOOKS = frozenset({"GET", "HEAD"})
_OPENED = "setup opened"
BY = "the setup page"
"""Who did it, in the audit: whoever has the link."""


@dataclass(frozen=True, slots=True)
class Site:
    """What pages are made from."""

    engine: Engine
    keys: Keys
    settings: Settings
    clock: Callable[[], datetime]

    def company(self, token: str) -> Company:
        """Return the company of a setup link; 404 or 410 end the request.

        So does the page with the button, where nobody pressed it in this browser.
        """
        company = self.linked(token)
        if request.method in _LOOKS and not self._is_opened(token, company):
            wanted = request.full_path.rstrip("?")
            page = render_template("open.html", here=f"/setup/{token}", wanted=wanted)
            # A part of a page that is open must not become that page.
            abort(make_response(page, 403 if request.path.endswith("/live") else 200))
        credentials.note_use(self.engine, company, self.clock())
        return company

    def linked(self, token: str) -> Company:
        """Return the company of a setup link, opened or not; 404 or 410 end it."""
        company = credentials.company_of(self.engine, self.keys, "setup", token)
        if company is None:
            abort(404)
        logs.about(company=company.id)
        now = self.clock()
        ends = credentials.page_ends_at(company, self.settings.page_link_days)
        if ends is not None and now >= ends:
            page = render_template("expired.html", ended=ends, company=company)
            abort(make_response(page, 410))
        return company

    def opened(self, token: str) -> Answer:
        """Open a link in a browser: it keeps that, and goes where it wanted to."""
        company = self.linked(token)
        credentials.note_use(self.engine, company, self.clock())
        here, wanted = f"/setup/{token}", request.form.get("next", "")
        is_below = wanted.startswith(f"{here}/") and wanted.isprintable()
        answer = redirect(wanted if is_below and "\\" not in wanted else here, 303)
        cookies.give(
            answer,
            _cookie(company),
            self.keys.hash(_OPENED, token),
            public_url=self.settings.public_url,
            seconds=self.settings.page_link_days * 24 * 60 * 60,
            path="/setup",
            # The link is in a mail: with Strict it would not be sent from there.
            samesite="Lax",
        )
        return answer

    def _is_opened(self, token: str, company: Company) -> bool:
        kept = cookies.kept(_cookie(company), self.settings.public_url)
        return bool(kept) and self.keys.matches(_OPENED, token, kept)

    def page(
        self,
        name: str,
        token: str,
        company: Company,
        *,
        status: int = 200,
        **values: object,
    ) -> Response:
        """Return a page with what all have: the answers, and what waits for whom."""
        shown = {**self.stand(company), **values}
        shown["details"] = contact.details(company, shown)
        told = render_template(f"{name}.html", here=f"/setup/{token}", **shown)
        return make_response(told, status)

    def part(self, name: str, token: str, **values: object) -> Answer:
        """Return a part of a page that changes by itself, by its ETag."""
        told = render_template(f"_live_{name}.html", here=f"/setup/{token}", **values)
        response = make_response(told)
        response.add_etag()
        return response.make_conditional(request)

    def stand(self, company: Company) -> Mapping[str, Any]:
        """Return where a company stands now, by the names that templates use."""
        now = self.clock()
        with company_reading(self.engine, company.id) as connection:
            counted = who_must_act.counts(connection, company.id)
            seen = to_see.of(connection, company)
            filled = filling.of(connection, company, now)
            held_by = reasons.holding(connection, company.id)
            asked = [one.reason for one in attention.standing(connection, company.id)]
            facts = company_status.facts(
                connection,
                self.keys,
                company,
                counted,
                now,
                peer=request.remote_addr or "",
                to_see=seen.told,
                is_filling=filled is not None,
            )
            waiting = before_live.is_asked(connection, company)
        conflicts = sum(one.conflicts for one in counted)
        many = sum(one.by_need["needs_you"] for one in counted)
        steps = progress.steps(facts)
        return {
            "company": company,
            "now": now,
            "facts": facts,
            "filling": filled,
            "steps": steps,
            "steps_done": progress.done(steps),
            "counted": counted,
            "needs": many,
            "conflicts": conflicts,
            "to_see": seen.entries,
            "may_switch": self.settings.customer_may_switch,
            "policies": POLICIES,
            "questions": _asked_of(company, asked) + waiting,
            "answers": progress.answers(facts, needs=many, conflicts=conflicts),
            "next_run": progress.next_run(facts),
            "late": progress.is_late(facts),
            "explained": _explained(company, asked),
            "standing_of": partial(who_must_act.of, held_by=held_by),
        }


def _asked_of(company: Company, asked: Sequence[str]) -> int:
    """Return how much is asked of a customer about the connection itself."""
    found = {
        one
        for one in asked
        if of_company.is_answerable(company, one)
        or one in {urgency.IN_DOUBT, *questions.KEY}
    }
    if company.mosaic_key is None:
        found.add(urgency.KEY_MISSING)
    return len(found)


@dataclass(frozen=True, slots=True)
class Explained:
    """What is to be known of a connection: said, more, and where to choose it."""

    id: str
    said: str
    more: str
    menu: str


def _explained(company: Company, asked: Sequence[str]) -> tuple[Explained, ...]:
    """Return what needs attention, then what is not supported, each once.

    What is asked is told among what is to be done: here is only what it adds.
    """
    found = []
    for told in map(words.attention, asked):
        more = questions.for_customer(told.page).removeprefix(told.said).strip()
        found.append(Explained(told.id, "", more, told.menu))
    for warning in editions.warnings(company.host or {}):
        if warning not in asked:
            told = words.attention(warning)
            found.append(Explained(told.id, told.page, "", told.menu))
    return tuple(one for one in found if one.said or one.more or one.menu)


def _cookie(company: Company) -> str:
    """Return the plain name of what says that a link was opened: one a company."""
    return f"qbwc_setup_{company.id}"


def after() -> int:
    """Return after which number a list begins; a strange one is its beginning."""
    return max(request.args.get("after", 0, type=whole) or 0, 0)


def prepare(pages: Flask, settings: Settings) -> None:
    """Have templates fail on a name that is not there, and know how to say things."""
    asked.prepare(pages)
    pages.jinja_env.undefined = StrictUndefined
    pages.jinja_env.trim_blocks = pages.jinja_env.lstrip_blocks = True
    pages.jinja_env.filters.update(
        ago=say.ago,
        span=say.span,
        number=say.number,
        iso=say.iso,
        utc=say.utc,
        hours=in_hours,
        for_customer=questions.for_customer,
    )
    pages.jinja_env.globals.update(
        version=__version__,
        contact=contact.of(settings),
        standing_of=who_must_act.of,
        NEEDS=words.NEEDS,
    )
