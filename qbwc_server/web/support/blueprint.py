"""The support console: its login, and all its pages."""

from __future__ import annotations

from flask import Blueprint, Response, g, make_response, redirect, request
from flask import render_template as render
from sqlalchemy.engine import Engine
from werkzeug.wrappers import Response as Answer

from qbwc_server.support import tokens
from qbwc_server.web import cookies
from qbwc_server.web.customer.site import Site
from qbwc_server.web.support import acts, over_all, pages, picking, record_acts
from qbwc_server.web.support.site import COOKIE, Console, gate

_LONGEST = 200
_REFUSED = (
    "Name and token do not fit, or there were too many tries. Wait, then try again."
)


def blueprint(site: Site, reading: Engine | None) -> Blueprint:
    """Return GET and POST /support/login, POST /support/logout, and all behind it."""
    routes = Blueprint("support", __name__, url_prefix="/support")
    console = Console(site, reading)
    open_to_all = frozenset({"support.login", "support.enter", "support.logout"})
    gate(routes, console, open_to_all=open_to_all)

    @routes.get("/login")
    def login() -> Answer:
        if g.person:
            return redirect("/support", 303)
        return asked(request.args.get("next", ""))

    @routes.post("/login")
    def enter() -> Answer:
        wanted = request.form.get("next", "")
        kept = tokens.log_in(
            site.engine,
            site.keys,
            request.form.get("name", "").strip()[:_LONGEST],
            request.form.get("token", "").strip()[:_LONGEST],
            peer=request.remote_addr or "",
            now=site.clock(),
        )
        if kept is None:
            return asked(wanted, refused=_REFUSED, status=403)
        answer = redirect(wanted if _is_of_console(wanted) else "/support", 303)
        _give(answer, console, kept, int(tokens.LASTS.total_seconds()))
        return answer

    @routes.post("/logout")
    def logout() -> Answer:
        tokens.log_out(
            site.engine,
            site.keys,
            console.kept,
            peer=request.remote_addr or "",
            now=site.clock(),
        )
        answer = redirect("/support/login", 303)
        _give(answer, console, "", 0)
        return answer

    def asked(wanted: str, *, refused: str = "", status: int = 200) -> Response:
        told = render("console/login.html", next=wanted, refused=refused)
        return make_response(told, status)

    pages.add(routes, console)
    over_all.add(routes, console)
    acts.add(routes, console)
    record_acts.add(routes, console)
    picking.add(routes, console)
    return routes


def _give(answer: Answer, console: Console, value: str, seconds: int) -> None:
    cookies.give(
        answer,
        COOKIE,
        value,
        public_url=console.site.settings.public_url,
        seconds=seconds,
        path="/support",
        samesite="Strict",
    )


def _is_of_console(path: str) -> bool:
    """Tell whether an address is one of the console, and of nobody else."""
    return path.startswith("/support/") and path.isprintable() and "\\" not in path
