"""A made-up kind that is written to QuickBooks: hours, before time entries exist."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.engine import Connection

from qbwc_server import queue
from qbwc_server.kinds import WRITINGS
from qbwc_server.kinds.kind import Writing
from qbwc_server.qbxml.request import Request
from qbwc_server.qbxml.response import Ret
from tests.protocol.desk import Desk


class Hours:
    """Jobs that each add an hour, and what the server was told of each."""

    kind = "hour"

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.kept: list[str] = []
        patch.setitem(WRITINGS, self.kind, Writing(self._build, self._keep))

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
    def _build(action: str, payload: dict[str, Any]) -> Request:
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
        self,
        connection: Connection,
        company_id: int,
        record_id: int | None,
        ret: Ret | None,
    ) -> None:
        del connection, company_id, record_id
        assert ret is not None
        self.kept.append(ret.text("TxnDate"))
