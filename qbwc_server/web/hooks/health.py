"""Health: whether this process lives, and whether it can work."""

from __future__ import annotations

import time
from collections.abc import Callable

from flask import Blueprint, Response
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from qbwc_server.storage import schema
from qbwc_server.storage.room import Looks, is_full


def blueprint(
    engine: Engine, *, watch: Callable[[], float] = time.monotonic
) -> Blueprint:
    """Return GET /healthz (the process) and /readyz (database, schema and disk)."""
    pages = Blueprint("health", __name__)
    looks = Looks(engine, watch=watch)

    @pages.get("/healthz")
    def healthz() -> Response:
        return Response("qbwc-server\n", mimetype="text/plain")

    @pages.get("/readyz")
    def readyz() -> Response:
        hindered = _hindered(engine, looks)
        if hindered:
            return Response(f"{hindered}\n", 503, mimetype="text/plain")
        return Response("ready\n", mimetype="text/plain")

    return pages


def _hindered(engine: Engine, looks: Looks) -> str:
    """Return why nothing can be worked with, empty if it can."""
    try:
        schema.require_served(engine)
        room = looks.room()
    except SQLAlchemyError as error:
        return "disk full" if is_full(error) else "database not reachable"
    except schema.SchemaDiffers as error:
        return error.support
    if room.read_only:
        return "the database takes no writes: is it a standby?"
    return "disk full" if room.is_full else ""
