"""Mosaic's callbacks: kept at once, worked with later by the worker.

Nothing signs a callback, so its content is a hint; its token only says for which
company it is, and a reference that we made at random says for which of our writes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa
import structlog
from flask import Blueprint, Response, request
from sqlalchemy.engine import Connection, Engine

from qbwc_server import logs
from qbwc_server.companies import credentials, registry
from qbwc_server.keys import Keys
from qbwc_server.mosaic.callback import MalformedCallback, parse
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction, next_id

MOST_KEPT = 1000
"""Callbacks of one company that wait to be worked with; a worker takes 500 at once."""

MOST_BYTES = 2 * 1024 * 1024

_LOG = structlog.get_logger(__name__)
_CALLBACK = tables.mosaic_callback


def blueprint(engine: Engine, keys: Keys, clock: Callable[[], datetime]) -> Blueprint:
    """Return POST /webhook/<token>: 200 for what is kept, else 400, 404 or 503.

    What is not kept is not lost: the worker looks for every write whose answer stays
    out, and reads Mosaic's time by itself.
    """
    pages = Blueprint("callbacks", __name__)

    @pages.post("/webhook/<token>")
    def webhook(token: str) -> Response:
        company = credentials.company_of(engine, keys, "webhook", token)
        if company is None:
            return Response("unknown address\n", 404, mimetype="text/plain")
        company_id = company.id
        logs.about(company=company_id)
        request.max_content_length = MOST_BYTES
        try:
            said = parse(request.get_data())
        except MalformedCallback as error:
            logs.seldom(
                _LOG.warning,
                "callback not readable",
                str(company_id),
                company=company_id,
                why=str(error),
            )
            return Response("not a callback\n", 400, mimetype="text/plain")
        if said is not None:
            now = clock()
            body = {**asdict(said), "record": plain(said.record)}
            with company_transaction(engine, company_id) as connection:
                if _waiting(connection, company_id) >= MOST_KEPT:
                    logs.seldom(
                        _LOG.warning,
                        "too many callbacks",
                        str(company_id),
                        company=company_id,
                    )
                    return Response(
                        "too many\n", 503, {"Retry-After": "60"}, mimetype="text/plain"
                    )
                connection.execute(
                    _CALLBACK.insert(),
                    {
                        "company_id": company_id,
                        "id": next_id(connection, company_id),
                        "received_at": now,
                        "ref": said.ref,
                        "api_request_id": said.api_request_id,
                        "data_type": said.data_type,
                        "body": body,
                    },
                )
                registry.change(connection, company_id, deliver_at=now)
        return Response("kept\n", 200, mimetype="text/plain")

    return pages


def _waiting(connection: Connection, company_id: int) -> int:
    waiting = (
        sa.select(_CALLBACK.c.id)
        .where(_CALLBACK.c.company_id == company_id, _CALLBACK.c.handled_at.is_(None))
        .limit(MOST_KEPT)
    )
    count = sa.select(sa.func.count()).select_from(waiting.subquery())
    return int(connection.execute(count).scalar_one())


def plain(value: object) -> object:
    """Return a value as JSON can hold it; decimals become text."""
    if isinstance(value, dict):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    return str(value)
