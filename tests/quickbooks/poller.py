"""A poll of a company file: what Web Connector and the server do, without HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine, Row

from qbwc_server.companies import registry
from qbwc_server.companies.registry import Company
from qbwc_server.jobs import exchanges, queue
from qbwc_server.qbxml.check import problems
from qbwc_server.quickbooks import list_requests, roundtrip
from qbwc_server.quickbooks.list_requests import Rules
from qbwc_server.sandbox.quickbooks.company_file import CompanyFile
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.conftest import Clock

AS_IT_IS = ""
Change = Callable[[str], str | None]


@dataclass
class Poller:
    """One company, its file, and one clock for both.

    `behind` is how far the server's clock is behind that of the file's computer.
    """

    engine: Engine
    company_id: int
    clock: Clock
    rules: Rules = field(
        default_factory=lambda: Rules(page_size=100, full_compare=timedelta(days=7))
    )
    requests: list[str] = field(default_factory=list)
    sessions: int = 0
    behind: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        """Open an empty company file."""
        self.file = CompanyFile(":memory:", clock=self._unix)
        self.hands = self.file.hands

    def _unix(self) -> float:
        return (self.clock.now + self.behind).timestamp()

    def at(self, moment: str) -> None:
        """Set the clock to a moment in UTC."""
        self.clock.now = datetime.fromisoformat(moment).replace(tzinfo=UTC)

    def due(self) -> None:
        """Queue what is to be read now."""
        with company_transaction(self.engine, self.company_id) as connection:
            registry.change(connection, self.company_id, next_read_at=None)
            company = registry.get(connection, self.company_id)
            list_requests.schedule(connection, company, self.clock())

    def poll(
        self,
        change_answer: Change = lambda answer: answer,
        *,
        between: Callable[[int], None] = lambda _: None,
        seconds: float = 1,
    ) -> list[str]:
        """Run one session until nothing is left, and return the requests it sent.

        `change_answer` may return another answer than QuickBooks gave, or None for
        one that is lost; `between` is called after each round trip with its number.
        """
        self.due()
        self.sessions += 1
        session = self.file.begin_session(app_name="tests")
        sent: list[str] = []
        while (text := self._round(session.process, change_answer)) is not None:
            sent.append(text)
            between(len(sent))
            self.clock.pass_(seconds=seconds)
            assert len(sent) < 200, "the session does not end"
        session.end()
        self.requests += sent
        return sent

    def _round(self, process: Callable[[str], str], change: Change) -> str | None:
        now = self.clock()
        with company_transaction(self.engine, self.company_id) as connection:
            going = roundtrip.compose(
                connection,
                registry.get(connection, self.company_id),
                self.sessions,
                now=now,
                rules=self.rules,
                write_batch=25,
            )
        if going is None:
            return None
        exchange_id, text = going
        assert problems(text) == []
        answer = change(process(text))
        with company_transaction(self.engine, self.company_id) as connection:
            if answer is None:
                exchanges.lose(
                    connection, self.company_id, exchange_id, by="no answer", now=now
                )
                return text
            exchanges.keep_answer(
                connection,
                self.company_id,
                exchange_id,
                answer=answer,
                hresult="",
                message="",
                now=now,
            )
        roundtrip.apply(self.engine, self.company_id, exchange_id, now=self.clock())
        return text

    def company(self) -> Company:
        """Return the company as it is now."""
        with company_transaction(self.engine, self.company_id) as connection:
            return registry.get(connection, self.company_id)

    def rows(self, table: sa.Table) -> list[Row[Any]]:
        """Return all rows of a table of the company."""
        with company_transaction(self.engine, self.company_id) as connection:
            return list(
                connection.execute(
                    sa.select(table).where(table.c.company_id == self.company_id)
                )
            )

    def records(self, kind: str, *, gone: bool = False) -> dict[str, Row[Any]]:
        """Return the records of a kind by ListID, those that are gone or the others."""
        return {
            row.quickbooks_id: row
            for row in self.rows(tables.record)
            if row.kind == kind and row.quickbooks_gone is gone
        }

    def names(self, kind: str) -> list[str]:
        """Return the names of the records that are there, in order."""
        return sorted(row.name for row in self.records(kind).values())

    def state(self, kind: str) -> Any:
        """Return how far a kind was read."""
        return next(row for row in self.rows(tables.reading) if row.kind == kind)

    def job(self, kind: str) -> queue.Job:
        """Return the latest job of a kind."""
        with company_transaction(self.engine, self.company_id) as connection:
            return queue.select(connection, self.company_id, tables.job.c.kind == kind)[
                -1
            ]

    def ids(self, kind: str) -> dict[str, str]:
        """Return the ListIDs of a list of the company file by full name."""
        found = self.file.store.all("SELECT * FROM record WHERE kind = ?", kind)
        return {row["full_name"]: row["list_id"] for row in found}
