"""What holds for every page: who may ask, and what browsers are told to forbid.

Rule 1: a page that changes something is only asked for by our own pages. Browsers say
where a request comes from (Sec-Fetch-Site, Origin), so no hidden token is needed, and a
page cannot forget it.
Rule 2: what goes wrong is told in words and with what to do, without a trace, a path or
a version: people get a page, programs a sentence.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import structlog
from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException

from qbwc_server import logs, metrics
from qbwc_server.proxies import INSECURE
from qbwc_server.storage import away
from qbwc_server.web import refused

CALLBACKS = "/webhook/"
"""Asked for by Mosaic's servers, which are no browsers: their address is the secret."""

_LOG = structlog.get_logger(__name__)
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_ALWAYS = frozenset({"/healthz", "/readyz"})
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_PUBLIC = frozenset({"/", "/healthz", "/readyz"})
_STATIC = "/static/"
"""Our own style and script: the only ones that a page may have, and no secret."""
_STRANGE_NAME = "This server does not answer for that name."
_INSECURE = "Use https: this server does not answer over a connection anybody can read."
_FOREIGN = "This request came from another web site and was not done."


def guard(pages: Flask, *, public_url: str) -> None:
    """Have all pages checked before they are made and headers added after."""
    ours = urlsplit(public_url)
    hosts = {(ours.hostname or "").lower(), *_LOCAL}
    origin = f"{ours.scheme}://{ours.netloc}".lower()

    @pages.before_request
    def check() -> Response | None:
        if request.path in _ALWAYS:
            return None
        if request.environ.get(INSECURE):
            return _plain(_INSECURE, 403)
        if _host(request.environ.get("HTTP_HOST", "")) not in hosts:
            return _plain(_STRANGE_NAME, 421)
        if not request.path.startswith(CALLBACKS) and _is_foreign(origin):
            foreign = "request of another site refused"
            page = request.endpoint
            logs.seldom(_LOG.warning, foreign, str(page), page=page)
            return _plain(_FOREIGN, 403)
        return None

    @pages.after_request
    def forbid(response: Response) -> Response:
        response.headers.update(_headers(https=ours.scheme == "https"))
        metrics.page(request.endpoint, response.status_code)
        return response

    pages.register_error_handler(HTTPException, _refused)
    pages.register_error_handler(Exception, _failed)


def _headers(*, https: bool) -> dict[str, str]:
    headers = {
        "Content-Security-Policy": "default-src 'none'; style-src 'self'; "
        "script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    if https:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    if request.path.startswith(_STATIC):
        headers["Cache-Control"] = "public, max-age=86400"
    elif request.path not in _PUBLIC:
        headers["Cache-Control"] = "no-store"
    return headers


def _refused(error: HTTPException) -> Response:
    response = _told(error.code or 500)
    allowed = error.get_response().headers.get("Allow")
    if allowed is not None:
        response.headers["Allow"] = allowed
    return response


def _failed(error: Exception) -> Response:
    endpoint = request.endpoint
    kind = f"{endpoint} {type(error).__name__}"
    if not away.told(error, by=str(endpoint)):
        logs.seldom(_LOG.error, "page failed", kind, endpoint=endpoint, exc_info=error)
    return _told(500)


def _told(status: int) -> Response:
    """Return a page for people, and its title alone for what asks as a program."""
    told = refused.told(status, request.path)
    path = request.path
    # Web Connector, at an address not its own, would show a page letter by letter.
    is_program = request.mimetype.endswith("xml")
    if is_program or path in _ALWAYS or path.startswith((CALLBACKS, _STATIC)):
        return _plain(f"{told.title}.", status)
    page = render_template("refused.html", told=told)
    return Response(page, status, mimetype="text/html")


def _is_foreign(origin: str) -> bool:
    if request.method in _SAFE_METHODS:
        return False
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in {"same-origin", "none"}
    said = request.headers.get("Origin")
    # Neither is sent by what is no browser: it has no cookies that it could misuse.
    return said is not None and said.lower() != origin


def _host(header: str) -> str:
    try:
        return (urlsplit(f"//{header}").hostname or "").lower()
    except ValueError:
        return ""


def _plain(text: str, status: int) -> Response:
    return Response(text + "\n", status, mimetype="text/plain")
