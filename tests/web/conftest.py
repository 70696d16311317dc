"""The whole server, and what a test puts into a company's tables."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from werkzeug.test import Client

from qbwc_server import app
from qbwc_server.keys import Keys
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction, next_id
from tests.conftest import Clock
from tests.customer import Customer


@pytest.fixture
def server(settings: Settings, engine: Engine, keys: Keys, clock: Clock) -> Client:
    """The whole server."""
    return Customer(app.wsgi(app.Parts(settings, engine, keys, clock)))


@pytest.fixture
def put(engine: Engine, clock: Clock) -> Callable[..., int]:
    """A function that puts a record, and tells its number."""

    def one(company_id: int, name: str, **values: Any) -> int:
        with company_transaction(engine, company_id) as connection:
            number = next_id(connection, company_id)
            row = {
                "company_id": company_id,
                "id": number,
                "kind": "customer",
                "state": "in_sync",
                "name": name,
                "quickbooks_id": f"Q-{number}",
                "created_at": clock(),
                "changed_at": clock(),
                **values,
            }
            connection.execute(tables.record.insert(), row)
        return number

    return one


@pytest.fixture
def run_at(engine: Engine, clock: Clock) -> Callable[..., None]:
    """A function that puts a session that began some days ago."""

    def one(company_id: int, days_ago: float, last_error: str = "") -> None:
        began = clock() - timedelta(days=days_ago)
        with company_transaction(engine, company_id) as connection:
            number = next_id(connection, company_id)
            row = {
                "company_id": company_id,
                "id": number,
                "state": "closed",
                "summary": last_error or "OK.",
                "last_error": last_error,
                "started_at": began,
                "last_call_at": began,
                "ended_at": began,
                "ended_why": "closed",
                "ticket_hash": f"hash-{number}",
            }
            connection.execute(tables.session.insert(), row)

    return one
