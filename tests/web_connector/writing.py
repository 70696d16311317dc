"""A made-up kind that is written to QuickBooks: hours, before time entries exist."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy.engine import Connection

from qbwc_server.jobs import queue
from qbwc_server.jobs.queue import Job
from qbwc_server.qbxml.request import Request
from qbwc_server.qbxml.response import Answer, Ret
from qbwc_server.qbxml.status import Status
from qbwc_server.quickbooks import time_looks
from qbwc_server.quickbooks.writing import WRITINGS, Writing
from tests.web_connector.desk import Desk


class Hours:
    """Jobs that each add an hour, and what the server was told of each."""

    kind = "hour"

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.kept: list[str] = []
        writing = Writing(
            build=self._build,
            kept=self._keep,
            refused=self._refused,
            failed=lambda *_: None,
            look=self._look,
            looked=self._looked,
            in_doubt=lambda *_: None,
        )
        patch.setitem(WRITINGS, self.kind, writing)

    def enqueue(self, desk: Desk, *days: int, person: str = "") -> None:
        """Add a job for each day of March."""
        desk.hands.set("time_tracking", value=True)
        with desk.engine.begin() as connection:
            for day in days:
                queue.enqueue(
                    connection,
                    desk.company.id,
                    kind=self.kind,
                    action="add",
                    summary=f"An hour on day {day}",
                    now=desk.clock(),
                    by="test",
                    payload={"day": day, "person": person or desk.person},
                )

    def jobs(self, desk: Desk) -> list[queue.Job]:
        """Return the jobs that write."""
        return [job for job in desk.jobs() if job.kind == self.kind]

    def states(self, desk: Desk) -> list[str]:
        """Return the state of each."""
        return [job.state for job in self.jobs(desk)]

    @staticmethod
    def days(desk: Desk) -> list[str]:
        """Return the day of every hour in the company file."""
        rows = desk.file.store.connection.execute("SELECT txn_date FROM time_entry")
        return sorted(str(row[0]) for row in rows)

    @staticmethod
    def _build(action: str, payload: Mapping[str, Any]) -> Request:
        assert action == "add"
        day = payload["day"]
        body = (
            ("TxnDate", f"2026-03-{day:02}"),
            ("EntityRef", (("ListID", payload["person"]),)),
            ("Duration", "PT1H0M"),
            ("ExternalGUID", f"{{00000000-0000-0000-0000-0000000000{day:02}}}"),
        )
        return Request("TimeTrackingAddRq", (("TimeTrackingAdd", body),))

    def _keep(
        self, connection: Connection, job: Job, ret: Ret | None, now: datetime
    ) -> None:
        del connection, job, now
        assert ret is not None
        self.kept.append(ret.text("TxnDate"))

    def _refused(
        self,
        connection: Connection,
        job: Job,
        answer: Answer,
        status: Status,
        now: datetime,
    ) -> None:
        reason = f"{answer.status_code}: {status.customer}"
        queue.move(connection, job, "failed", by="test", now=now, reason=reason)

    def _look(self, job: Job) -> Request:
        payload = job.payload or {}
        return time_looks.of_day(f"2026-03-{payload['day']:02}", payload["person"])

    def _looked(
        self, connection: Connection, job: Job, answer: Answer, now: datetime
    ) -> None:
        for ret in answer.rets[:1]:
            self._keep(connection, job, ret, now)
        to = "done" if answer.rets else "ready"
        queue.move(connection, job, to, by="look", now=now)
