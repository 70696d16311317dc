"""Health: whether this process lives, and whether it can work."""

from __future__ import annotations

from flask import Blueprint, Response
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from qbwc_server import schema


def blueprint(engine: Engine) -> Blueprint:
    """Return GET /healthz (the process) and /readyz (the database and its schema)."""
    pages = Blueprint("health", __name__)

    @pages.get("/healthz")
    def healthz() -> Response:
        return Response("qbwc-server\n", mimetype="text/plain")

    @pages.get("/readyz")
    def readyz() -> Response:
        try:
            schema.require_head(engine)
        except SQLAlchemyError:
            return Response("database not reachable\n", 503, mimetype="text/plain")
        except schema.SchemaDiffers as error:
            return Response(f"{error.support}\n", 503, mimetype="text/plain")
        return Response("ready\n", mimetype="text/plain")

    return pages
