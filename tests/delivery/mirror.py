"""One company between its books and a Mosaic, with everything real in between."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.engine import Engine, Row

from qbwc_server.companies import registry
from qbwc_server.companies.registry import Company, NewCompany
from qbwc_server.decisions import company_settings
from qbwc_server.keys import Keys
from qbwc_server.kinds import KINDS
from qbwc_server.records import store
from qbwc_server.sandbox.mosaic.faults import ConnectionClosed
from qbwc_server.sandbox.mosaic.http import application
from qbwc_server.sandbox.mosaic.sandbox import MosaicSandbox
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import (
    company_reading,
    company_transaction,
)
from qbwc_server.web.hooks import callbacks
from qbwc_server.worker.loop import Worker
from qbwc_server.worker.one_pass import Planner
from tests.conftest import Clock

from .books import Books

SOON = timedelta(hours=2)
"""What is due later than this is not waited for: it is the next look at Mosaic."""


class Wire(httpx.BaseTransport):
    """Carries requests to a sandbox and breaks like a real wire.

    `before` and `after` are called around each request, to look or to raise.
    """

    def __init__(self, sandbox: MosaicSandbox) -> None:
        self._inner = httpx.WSGITransport(app=application(sandbox))
        self.before: Callable[[httpx.Request], None] = lambda _: None
        self.after: Callable[[httpx.Request], None] = lambda _: None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        self.before(request)
        try:
            answer = self._inner.handle_request(request)
        except ConnectionClosed:
            raise httpx.RemoteProtocolError("Server disconnected") from None
        except TimeoutError:
            raise httpx.ReadTimeout("timed out") from None
        self.after(request)
        return answer


@dataclass
class Mirror:
    """A company: its books, its records, its Mosaic, and the hands to move them."""

    engine: Engine
    keys: Keys
    settings: Settings
    clock: Clock
    company: NewCompany
    sandbox: MosaicSandbox
    books: Books = field(default_factory=Books)
    time_planner: Callable[[int], Planner] | None = None
    senders: int = 1

    def __post_init__(self) -> None:
        self.wire = Wire(self.sandbox)
        pages = Flask("pages")
        pages.register_blueprint(
            callbacks.blueprint(self.engine, self.keys, self.clock)
        )
        self.web = pages.test_client()

    def worker(self) -> Worker:
        """Return a worker as a new process would make it."""
        made = Worker(
            self.engine,
            self.keys,
            self.settings,
            self.clock,
            transport=self.wire,
            pause=lambda seconds: self.clock.pass_(seconds=seconds),
            senders=self.senders,
        )
        if self.time_planner is not None:
            made._plan_time = self.time_planner  # type: ignore[assignment, method-assign]
        return made

    # QuickBooks' side

    def read(self) -> None:
        """Have what changed in the books read into the records."""
        with company_transaction(self.engine, self.company.id) as connection:
            for kind in ("employee", "customer", "service_item"):
                changed = [
                    self.books.seen(key)
                    for key in sorted(self.books.changed)
                    if self.books.entries[key].kind == kind
                ]
                store.keep_seen(
                    connection, self.company.id, KINDS[kind], changed, now=self.clock()
                )
                gone = [key for each, key in self.books.deleted if each == kind]
                store.mark_gone(
                    connection, self.company.id, KINDS[kind], gone, now=self.clock()
                )
        self.books.changed.clear()
        self.books.deleted.clear()

    # Time

    def run(self, rounds: int = 80) -> None:
        """Read, deliver and call back, letting time pass, until nothing is to come."""
        self.read()
        for _ in range(rounds):
            self.worker().run_once()
            self.sandbox.deliver_callbacks()
            due = self.due_at()
            if due is None or due > self.clock() + SOON:
                return
            self.clock.now = max(due, self.clock.now)
        raise AssertionError(f"not quiet after {rounds} rounds: {self.open()}")

    def refresh(self) -> None:
        """Let the time until the next look at Mosaic's lists pass, and run."""
        self.clock.pass_(hours=self.settings.mosaic_refresh_hours)
        self.run()

    # Looking in

    def due_at(self) -> Any:
        """Return when the company is served next."""
        with self.engine.begin() as connection:
            table = tables.duty
            return connection.execute(
                sa.select(table.c.deliver_at).where(
                    table.c.company_id == self.company.id
                )
            ).scalar_one()

    def state(self) -> Company:
        """Return the company."""
        with self.engine.begin() as connection:
            return registry.get(connection, self.company.id)

    def rows(self, table: sa.Table, *conditions: Any) -> list[Row[Any]]:
        """Return the company's rows of a table."""
        with company_reading(self.engine, self.company.id) as connection:
            return list(
                connection.execute(
                    sa.select(table)
                    .where(table.c.company_id == self.company.id, *conditions)
                    .order_by(*table.primary_key.columns)
                )
            )

    def record(self, key: str) -> Row[Any]:
        """Return the record of an object in the books."""
        return self.rows(tables.record, tables.record.c.quickbooks_id == key)[0]

    def open(self) -> list[str]:
        """Return, in words, what is still to come."""
        record = tables.record
        return [
            f"{row.name}: {row.state}, {row.reason}"
            for row in self.rows(record, record.c.due_at.is_not(None))
        ] + [
            f"{row.operation} {row.data_type}: {row.state}, {row.reason}"
            for row in self.calls(settled=False)
        ]

    def calls(self, *, settled: bool | None = None) -> list[Row[Any]]:
        """Return the calls to Mosaic."""
        column = tables.mosaic_call.c.settled_at
        if settled is None:
            return self.rows(tables.mosaic_call)
        chosen = column.is_not(None) if settled else column.is_(None)
        return self.rows(tables.mosaic_call, chosen)

    def counterpart(self, key: str) -> dict[str, Any]:
        """Return the object of Mosaic that a record is linked to."""
        row = self.record(key)
        return next(
            one
            for one in self.sandbox.objects(row.mosaic_type)
            if one["mosaic_id"] == row.mosaic_id
        )

    def names(self, data_type: str) -> list[str]:
        """Return the names of all of Mosaic's objects of a type, main phases not."""
        word = {"client": "client_name", "employee": "email", "phase": "name"}
        return sorted(
            one[word.get(data_type, "title")]
            for one in self.sandbox.objects(data_type)
            if not (data_type == "phase" and one["is_main"])
        )

    def writes(self) -> list[tuple[str, str]]:
        """Return (op, data type) of each write that Mosaic carried out."""
        return [(one["op"], one["data_type"]) for one in self.sandbox.writes]

    def change(self, **values: Any) -> None:
        """Change the company as an operator does."""
        company_settings.set_values(
            self.engine, self.company.id, now=self.clock(), who="operator", **values
        )

    def call_back(self, content: object, token: str | None = None) -> int:
        """Post something to the webhook; return the HTTP status."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        path = f"/webhook/{token or self.company.webhook_token}"
        return self.web.post(path, data=body).status_code


def post_to(mirrors: Callable[[], Mirror]) -> Callable[[str, bytes], int]:
    """Return what carries callbacks to the webhook without a socket."""

    def post(url: str, body: bytes) -> int:
        return mirrors().call_back(body, urlsplit(url).path.rsplit("/", 1)[1])

    return post


def nothing_twice(mirror: Mirror) -> None:
    """Assert that no creation reached Mosaic twice and each record has one object."""
    refs = mirror.sandbox.created_refs
    assert len(refs) == len(set(refs))
    released = {
        event.record_id
        for event in mirror.rows(tables.record_event)
        if event.what.startswith("unlinked")
    }
    made = {one["ref"]: one["mosaic_id"] for one in mirror.sandbox.writes}
    created: dict[int | None, set[int]] = {}
    for call in mirror.calls():
        if call.operation == "create" and call.ref in made:
            created.setdefault(call.record_id, set()).add(made[call.ref])
    for record_id, ids in created.items():
        assert len(ids) == 1 or record_id in released, (record_id, ids)


def everything_said(mirror: Mirror) -> None:
    """Assert that whatever is not in sync has a reason in words."""
    for row in mirror.rows(tables.record):
        if row.state != "in_sync":
            assert row.reason, row
