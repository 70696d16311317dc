"""The composition root: settings -> engine -> one WSGI application."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from sqlalchemy.engine import Engine

from qbwc_server import proxies
from qbwc_server.companies import callers
from qbwc_server.keys import Keys
from qbwc_server.logs import apart
from qbwc_server.operations import database_restored
from qbwc_server.operations.gauges import Figures
from qbwc_server.serving.served import WSGI, Allowed, Answer, Environ, Served, answer
from qbwc_server.settings import Settings
from qbwc_server.storage import connections, resting, schema
from qbwc_server.storage.database import make_engine, operator_transaction
from qbwc_server.web import guard, large_bodies
from qbwc_server.web.customer import (
    alerting,
    answering,
    before_live,
    choosing,
    choosing_all,
    downloads,
    every_hour,
    hours,
    pausing,
    runs,
    setup,
    sharing,
    site,
    to_settle,
)
from qbwc_server.web.hooks import callbacks, health, metrics_page
from qbwc_server.web.support import blueprint
from qbwc_server.web_connector import soap
from qbwc_server.web_connector.conversation import Conversation
from qbwc_server.web_connector.endpoint import CONTENT_TYPE

_PAGES = (
    *(setup, before_live, choosing, choosing_all, every_hour, runs, to_settle),
    *(downloads, answering, pausing, alerting, sharing, hours),
)


@dataclass(frozen=True, slots=True)
class Parts:
    """What every command needs."""

    settings: Settings
    engine: Engine
    keys: Keys
    clock: Callable[[], datetime]
    reading: Engine | None = None
    """What the support console reads with; None: it has no login of its own."""

    def dispose(self) -> None:
        """Close what is open to the database."""
        for engine in (self.engine, self.reading):
            if engine is not None:
                engine.dispose()

    def rest(self) -> None:
        """Close what is open to the database and was not used for long."""
        for engine in (self.engine, self.reading):
            if engine is not None:
                resting.rest(engine)


def utc_now() -> datetime:
    """Return this moment, aware and in UTC."""
    return datetime.now(UTC)


def parts(
    settings: Settings,
    *,
    prepare: bool = True,
    most: int = connections.OPERATOR,
    kind: str = "",
) -> Parts:
    """Return the engine and keys of the settings.

    The embedded database is brought up to this program's schema; a shared one is not,
    because others may be working with it. `most` and `kind` are of the engine: without
    them it is an operator's.

    Raises:
        SchemaDiffers: a shared database is at a revision that we cannot serve.
    """
    url = settings.url()
    engine = make_engine(url, most=most, kind=kind)
    if prepare:
        try:
            if url.startswith("sqlite"):
                upgrade(engine, settings)
            schema.require_served(engine)
        except schema.SchemaDiffers:
            engine.dispose()
            raise
    database_restored.when_noticed(engine, utc_now)
    reading: Engine | None = engine
    if engine.dialect.name != "sqlite":
        theirs = settings.support_database_url.get_secret_value()
        reading = make_engine(theirs, most=connections.CONSOLE) if theirs else None
    return Parts(settings, engine, Keys(settings.keys()), utc_now, reading)


def upgrade(engine: Engine, settings: Settings) -> None:
    """Bring a database up to this program's schema, and note what needs its keys.

    Raises:
        SchemaDiffers: it is newer than what this program serves.
    """
    schema.upgrade(engine)
    with operator_transaction(engine) as connection:
        if callers.are_missing(connection):
            callers.note_all(connection, Keys(settings.keys()))


def figures_page(made: Parts) -> WSGI:
    """Return /metrics alone."""
    token = made.settings.metrics_token.get_secret_value()
    return metrics_page.answer(Figures(made.engine, made.settings, made.clock), token)


def pages(made: Parts) -> WSGI:
    """Return every page, for people and for Mosaic's callbacks."""
    settings, engine, keys, clock = made.settings, made.engine, made.keys, made.clock
    flask = Flask("qbwc_server.web")
    site.prepare(flask, settings)
    # Less than the server gathers of anybody: what was cut off is refused.
    flask.config["MAX_CONTENT_LENGTH"] = 60 * 1024
    guard.guard(flask, public_url=settings.public_url)
    of_customers = site.Site(engine, keys, settings, clock)
    for part in _PAGES:
        flask.register_blueprint(part.blueprint(of_customers))
    flask.register_blueprint(blueprint.blueprint(of_customers, made.reading))
    flask.register_blueprint(health.blueprint(engine))
    flask.register_blueprint(callbacks.blueprint(engine, keys, clock))
    return flask.wsgi_app


def served(made: Parts) -> Served:
    """Return the whole server: SOAP at /qbwc, the pages everywhere else."""
    settings = made.settings
    endpoint = soap.application(
        Conversation(made.engine, made.keys, settings, made.clock),
        address=f"{settings.public_url}/qbwc",
        max_body_bytes=settings.max_body_bytes,
    )
    told, shown = figures_page(made), pages(made)
    may_send_more = large_bodies.rule(made.engine, made.keys)
    ours = proxies.networks(settings.proxies)
    https = settings.public_url.startswith("https:")

    def see(environ: Environ) -> None:
        # Else everybody would seem to call from the proxy: nobody could be told from
        # somebody who guesses passwords, nor one computer's session from another's.
        proxies.see(environ, ours, https=https)

    def application(
        environ: Environ, start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        if _is_call(environ):
            return apart(endpoint)(environ, start_response)
        if environ.get("PATH_INFO") == metrics_page.PATH:
            return told(environ, start_response)
        return apart(shown)(environ, start_response)

    async def soon(environ: Environ, body: bytes) -> Answer | None:
        if environ["REQUEST_METHOD"] != "POST" or not _is_call(environ):
            return None
        told = await endpoint.soon(environ, body)
        return None if told is None else answer(200, CONTENT_TYPE, told)

    def allows(environ: Environ, body: bytes) -> Allowed | None:
        known = (
            endpoint.allows(environ, body)
            if _is_call(environ)
            else may_send_more(environ)
        )
        return None if known is None else Allowed(*known)

    return Served(see, application, soon, allows)


def wsgi(made: Parts) -> WSGI:
    """Return the same as a WSGI application, for a server that gathers by itself."""
    made_of = served(made)

    def server(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        made_of.see(environ)
        return made_of.application(environ, start_response)

    return server


def _is_call(environ: Environ) -> bool:
    return bool(environ.get("PATH_INFO", "").rstrip("/") == "/qbwc")
