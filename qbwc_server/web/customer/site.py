"""What every page of a customer begins with: whose it is, and where that one stands."""

from __future__ import annotations

import secrets
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
from qbwc_server.companies import credentials, editions
from qbwc_server.companies.registry import Company
from qbwc_server.decisions import overlap
from qbwc_server.decisions.questions import of_company
from qbwc_server.keys import Keys
from qbwc_server.kinds.time_entry import in_hours
from qbwc_server.onboarding import company_status
from qbwc_server.onboarding.in_short import in_short
from qbwc_server.settings import Settings
from qbwc_server.standing import (
    filling,
    hindrance,
    progress,
    reasons,
    to_see,
    where_to,
    who_must_act,
)
from qbwc_server.standing.hindrance import Reason
from qbwc_server.storage.database import company_reading
from qbwc_server.web import asked, contact, cookies, say
from qbwc_server.web.asked import whole
from qbwc_server.web.customer import opened
from qbwc_server.web.customer.opened import Opened
from qbwc_server.words import looks, questions
from qbwc_server.words.customer import pauses
from qbwc_server.words.policies import POLICIES
from qbwc_server.words.urgency import Place

_LOOKS = frozenset({"GET", "HEAD"})
_WAITING = ("needs", "to_see", "questions", "shared")
BY = "the setup page"
"""Who did it, in the audit: whoever has the link."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Another company file of who looks: its name, its page, and how it stands."""

    name: str
    page: str
    stands: str


@dataclass(frozen=True, slots=True)
class Site:
    """What pages are made from."""

    engine: Engine
    keys: Keys
    settings: Settings
    clock: Callable[[], datetime]

    @property
    def sends_mail(self) -> bool:
        """Whether customers can be sent mails at all."""
        return bool(self.settings.smtp_url.get_secret_value())

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
        ended = self._ended(company)
        if ended is not None:
            page = render_template("expired.html", ended=ended, company=company)
            abort(make_response(page, 410))
        return company

    def opened(self, token: str) -> Answer:
        """Open a link in a browser: it keeps that, and goes where it wanted to."""
        company = self.linked(token)
        credentials.note_use(self.engine, company, self.clock())
        here, wanted = f"/setup/{token}", request.form.get("next", "")
        is_below = wanted.startswith(f"{here}/") and wanted.isprintable()
        answer = redirect(wanted if is_below and "\\" not in wanted else here, 303)
        self._keep(answer, Opened(company.id, token, self._beside(company)))
        return answer

    def _keep(self, answer: Answer, link: Opened) -> None:
        cookies.give(
            answer,
            opened.name(link.company_id),
            link.sealed(self.keys),
            public_url=self.settings.public_url,
            seconds=self.settings.page_link_days * 24 * 60 * 60,
            path="/setup",
            # The link is in a mail: with Strict it would not be sent from there.
            samesite="Lax",
        )

    def _is_opened(self, token: str, company: Company) -> bool:
        kept = self._kept(company)
        known = opened.unsealed(self.keys, company.id, kept)
        if known is not None:
            return secrets.compare_digest(known.token.encode(), token.encode())
        return opened.is_former(self.keys, token, kept)

    def _kept(self, company: Company) -> str:
        return cookies.kept(opened.name(company.id), self.settings.public_url)

    def _others(self, company: Company) -> list[Opened]:
        url = self.settings.public_url
        return opened.others(self.keys, request.cookies, company.id, url)

    def _beside(self, company: Company) -> frozenset[int]:
        return frozenset(one.company_id for one in self._others(company))

    def _keep_anew(self, answer: Response, token: str, company: Company) -> None:
        """Have the browser keep an open link beside those that are open now."""
        kept, beside = self._kept(company), self._beside(company)
        known = opened.unsealed(self.keys, company.id, kept)
        is_as_now = known is not None and known.beside == beside
        if not is_as_now or not self.keys.encrypted_now(kept):
            self._keep(answer, Opened(company.id, token, beside))

    def elsewhere(self, company: Company) -> list[Elsewhere]:
        """Return the other company files whose links were opened in this browser.

        Not those whose link has ended or is another by now.
        """
        found = []
        for one in self._others(company):
            if company.id not in one.beside:
                continue
            other = credentials.company_of(self.engine, self.keys, "setup", one.token)
            if other is None or other.id != one.company_id or self._ended(other):
                continue
            stand = self.stand(other)
            waiting = sum(stand[name] for name in _WAITING)
            told = in_short(stand["facts"], waiting)
            found.append(Elsewhere(other.name, f"/setup/{one.token}", told))
        return found

    def _ended(self, company: Company) -> datetime | None:
        """Return when a company's link has ended, None while it opens its page."""
        ends = credentials.page_ends_at(company, self.settings.page_link_days)
        return ends if ends is not None and self.clock() >= ends else None

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
        is_opened = self._is_opened(token, company)
        shown["elsewhere"] = self.elsewhere(company) if is_opened else []
        told = render_template(f"{name}.html", here=f"/setup/{token}", **shown)
        answer = make_response(told, status)
        if is_opened:
            self._keep_anew(answer, token, company)
        return answer

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
            hinders = reasons.read(connection, company.id)
            shared, in_common = overlap.standing(connection, company)
            facts = company_status.facts(
                connection,
                self.keys,
                company,
                counted,
                hinders,
                now,
                peer=request.remote_addr or "",
                to_see=(*seen.told, *looks.in_common(shared)),
                is_unplaced=seen.is_unplaced,
                is_filling=filled is not None,
            )
            questioned = of_company.asked(connection, company)
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
            "shared": shared,
            "in_common": in_common,
            "may_switch": self.settings.customer_may_switch,
            "may_resume": self.settings.customer_may_switch
            and pauses.may_resume(company.paused_by, pauses.CUSTOMER),
            "policies": POLICIES,
            "questions": questioned,
            "answers": progress.answers(facts, needs=many, conflicts=conflicts),
            "next_run": progress.next_run(facts),
            "late": progress.is_late(facts),
            "leads": where_to.leads(
                facts,
                needs=many - conflicts,
                conflicts=conflicts,
                to_see=seen.entries,
                questions=questioned,
                shared=shared,
            ),
            "explained": _explained(company, hinders),
            "standing_of": partial(who_must_act.of, held_by=hindrance.holding(hinders)),
        }


@dataclass(frozen=True, slots=True)
class Explained:
    """What is to be known of a connection: said, more, and where to choose it."""

    id: str
    said: str
    more: str
    menu: str


def _explained(company: Company, hinders: Sequence[Reason]) -> tuple[Explained, ...]:
    """Return what needs attention, then what is not supported, each once.

    What is asked is told among what is to be done, what others see to among what is
    missing: of these here is only what that adds.
    """
    found = []
    asked = [one for one in hinders if one.is_attention]
    for one in asked:
        told = words.attention(one.reason)
        more = questions.on_the_page(told.page)
        more = more.removeprefix(questions.on_the_page(told.said)).strip()
        is_only_known = one.place == Place.REMARK and one.who_must_act != "customer"
        said = questions.on_the_page(one.why) if is_only_known else ""
        found.append(Explained(told.id, said, more, told.menu))
    for warning in editions.warnings(company.host or {}):
        if all(warning != one.reason for one in asked):
            told = words.attention(warning)
            found.append(Explained(told.id, told.page, "", told.menu))
    return tuple(one for one in found if one.said or one.more or one.menu)


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
        for_customer=questions.on_the_page,
    )
    pages.jinja_env.globals.update(
        version=__version__,
        contact=contact.of(settings),
        standing_of=who_must_act.of,
        NEEDS=words.NEEDS,
        PAUSE_MEANS=pauses.MEANS,
    )
