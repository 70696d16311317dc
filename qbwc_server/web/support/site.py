"""What every page of the support console begins with: who asks, and what he may.

Rule 1: without a token there is no console, and without a login nothing of it but the
page that asks for one.
Rule 2: the console reads with a login of its own (`qbwc_support`), which reads the
views and nothing else.
Rule 3: a form is taken from our own page alone, and browsers must say so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Response, abort, g, make_response, redirect, request
from flask import render_template as render
from sqlalchemy.engine import Connection, Engine, Row
from werkzeug.wrappers import Response as Answer

from qbwc_server.storage.support_reading import NoSupport, no_reader, support_reading
from qbwc_server.support import console, health, tokens
from qbwc_server.support.tokens import Person
from qbwc_server.web import cookies
from qbwc_server.web.customer.site import Site

COOKIE = "qbwc_support"
_ONLY_LOOKS = "Your token may look, and change nothing.\n"
_FOREIGN = "This form did not come from a page of ours and was not done.\n"
_PLAIN = {"Content-Type": "text/plain; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Console:
    """What pages of the console are made from."""

    site: Site
    reading: Engine | None

    @property
    def person(self) -> Person:
        """Who has logged in."""
        person: Person = g.person
        return person

    @property
    def kept(self) -> str:
        """What the browser that asks keeps of a login."""
        return cookies.kept(COOKIE, self.site.settings.public_url)

    def page(self, name: str, *, status: int = 200, **values: object) -> Response:
        """Return a page of the console."""
        now = self.site.clock()
        parts = self.read(lambda connection: health.now(connection, now))
        told = render(
            f"console/{name}.html",
            person=self.person,
            now=now,
            ill=[one for one in parts if not one.is_well],
            **values,
        )
        return make_response(told, status)

    def read(self, look: Callable[[Connection], Any]) -> Any:
        """Return what a look finds, with the rights of support and no more.

        Raises:
            NoSupport: there is no such login, or one that may do more or less.
        """
        if self.reading is None:
            raise no_reader()
        with support_reading(self.reading, views_only=True) as connection:
            return look(connection)

    def company(self, connection: Connection, company_id: int) -> Row[Any]:
        """Return a company as support sees it; 404 ends the request."""
        row = None
        if company_id <= console.GREATEST:
            row = console.company(connection, company_id)
        if row is None:
            abort(404)
        return row

    def one(
        self, connection: Connection, what: str, company_id: int, number: int
    ) -> Row[Any]:
        """Return one thing of a company; 404 ends the request."""
        row = None
        if max(company_id, number) <= console.GREATEST:
            row = console.one(connection, what, company_id, number)
        if row is None:
            abort(404)
        return row


def gate(pages: Blueprint, console_: Console, *, open_to_all: frozenset[str]) -> None:
    """Have every request of the console checked before it is answered."""
    site = console_.site
    ours = urlsplit(site.settings.public_url)
    origin = f"{ours.scheme}://{ours.netloc}".lower()

    @pages.before_request
    def check() -> Answer | tuple[str, int, dict[str, str]] | None:
        kept = console_.kept
        person = kept and tokens.person(site.engine, site.keys, kept, site.clock())
        g.person = person or None
        posted = request.method == "POST"
        if not person and not tokens.exist(site.engine):
            abort(404)
        if posted and not _is_ours(origin):
            return _FOREIGN, 403, _PLAIN
        if request.endpoint in open_to_all:
            return None
        if not person:
            wanted = "" if posted else request.full_path.rstrip("?")
            return redirect(f"/support/login{_next(wanted)}", 303)
        if posted and not person.may_act:
            return only_looks()
        return None

    @pages.errorhandler(NoSupport)
    def no_support(error: NoSupport) -> tuple[str, int, dict[str, str]]:
        return f"{error.support}\n", 503, _PLAIN


def only_looks() -> tuple[str, int, dict[str, str]]:
    """Return the answer to somebody who may look, and wants to act."""
    return _ONLY_LOOKS, 403, _PLAIN


def _is_ours(origin: str) -> bool:
    """Tell whether the browser says that a form is ours; silence is not enough here."""
    said = request.headers.get("Sec-Fetch-Site")
    if said is not None:
        return said == "same-origin"
    return request.headers.get("Origin", "").lower() == origin


def _next(path: str) -> str:
    return f"?{urlencode({'next': path})}" if path not in {"", "/support"} else ""
