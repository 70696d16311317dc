"""A company file with time in it, and what of it the server has."""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Row

from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from tests.quickbooks.poller import Poller


class TimePoller:
    """A poller whose company keeps time: one employee, one customer with a job."""

    def __init__(self, poller: Poller) -> None:
        """Switch time tracking on and add who works for whom."""
        self.poller = poller
        self.hands = poller.hands
        self.clock = poller.clock
        self.hands.set("time_tracking", value=True)
        self.person = self.hands.add("Employee", "Anna Berg", Email="anna@x.org")
        customer = self.hands.add("Customer", "Amsel")
        self.job = self.hands.add("Customer", "Haus", parent=customer)

    def enter(self, day: str, minutes: int = 60, **more: Any) -> str:
        """Enter time at the PC and return its TxnID."""
        person = more.pop("person", self.person)
        return self.hands.add_time(person, day, minutes, customer=self.job, **more)

    def entries(self, *, gone: bool = False) -> dict[str, Row[Any]]:
        """Return the records of entries by TxnID, those that are gone or the others."""
        return self.poller.records("time_entry", gone=gone)

    def times_asked(self, sent: list[str]) -> list[str]:
        """Return what follows each question for time in what was sent."""
        return [
            text.split("<TimeTrackingQueryRq", 1)[1].split("</TimeTrackingQueryRq>")[0]
            for text in sent
            if "<TimeTrackingQueryRq" in text
        ]

    def delivered(self) -> None:
        """Take every record as delivered to Mosaic, each under its own number."""
        record = tables.record
        with company_transaction(self.poller.engine, self.poller.company_id) as one:
            one.execute(
                record.update()
                .where(record.c.kind == "time_entry")
                .values(
                    state="in_sync",
                    due_at=None,
                    mosaic_type="time_entry",
                    mosaic_id=record.c.id,
                    mosaic={},
                    agreed={"quickbooks": {}, "mosaic": {}},
                )
            )
            one.execute(tables.duty.update().values(deliver_at=None))

    def due(self) -> set[str]:
        """Return the TxnIDs of entries that the worker will look at."""
        return {
            txn_id
            for gone in (False, True)
            for txn_id, row in self.entries(gone=gone).items()
            if row.due_at is not None
        }
