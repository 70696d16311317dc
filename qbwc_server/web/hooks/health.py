"""Health: whether this process lives, and whether it can work."""

from __future__ import annotations

import shutil
from pathlib import Path

from flask import Blueprint, Response
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from qbwc_server.storage import schema

LEAST_ROOM = 16 * 1024 * 1024
"""Bytes: less than a large answer of QuickBooks takes, and it could not be kept."""


def blueprint(engine: Engine) -> Blueprint:
    """Return GET /healthz (the process) and /readyz (the database and its schema)."""
    pages = Blueprint("health", __name__)

    @pages.get("/healthz")
    def healthz() -> Response:
        return Response("qbwc-server\n", mimetype="text/plain")

    @pages.get("/readyz")
    def readyz() -> Response:
        try:
            schema.require_served(engine)
            full = room(engine) < LEAST_ROOM
        except SQLAlchemyError:
            return Response("database not reachable\n", 503, mimetype="text/plain")
        except schema.SchemaDiffers as error:
            return Response(f"{error.support}\n", 503, mimetype="text/plain")
        if full:
            return Response("disk full\n", 503, mimetype="text/plain")
        return Response("ready\n", mimetype="text/plain")

    return pages


def room(engine: Engine) -> int:
    """Return how many bytes the database can still take, as far as we can see.

    That is the disk and the limit of SQLite's file. PostgreSQL's disk is its own; one
    that takes no writes, as a standby does, has no room.
    """
    with engine.connect() as connection:
        if engine.dialect.name != "sqlite":
            read_only = connection.exec_driver_sql(
                "SHOW transaction_read_only"
            ).scalar()
            return 0 if read_only == "on" else LEAST_ROOM
        most, used, free, size = (
            int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
            for name in ("max_page_count", "page_count", "freelist_count", "page_size")
        )
    inside = (most - used + free) * size
    path = engine.url.database
    if not path or path == ":memory:":
        return inside
    return min(inside, shutil.disk_usage(Path(path).absolute().parent).free)
