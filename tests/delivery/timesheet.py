"""Time in Mosaic, and a plan of time that is as simple as it can be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies import registry
from qbwc_server.decisions import company_settings
from qbwc_server.delivery import outbox
from qbwc_server.delivery.sending import Step
from qbwc_server.kinds import time_entry
from qbwc_server.records.row import change
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction, next_id

from .mirror import Mirror

_RECORD = tables.record


@dataclass
class Mirroring:
    """Makes Mosaic what the `quickbooks` of records says, here in Mosaic's terms."""

    company_id: int
    clock: Callable[[], datetime]
    settle: timedelta = timedelta(seconds=120)
    once: set[int] = field(default_factory=set)
    _planned: set[int] = field(default_factory=set)

    def plan(self, connection: Connection, record_ids: Sequence[int]) -> list[Step]:
        """Create, change or delete entries; or rest."""
        steps = [self._plan(connection, record_id) for record_id in record_ids]
        return [step for step in steps if step is not None]

    def _plan(self, connection: Connection, record_id: int) -> Step | None:
        row = connection.execute(
            sa.select(_RECORD).where(
                _RECORD.c.company_id == self.company_id, _RECORD.c.id == record_id
            )
        ).one()
        open_call = outbox.open_calls(
            connection, self.company_id, tables.mosaic_call.c.record_id == record_id
        )
        there = row.mosaic_id is not None and not row.mosaic_gone
        last = record_id in self.once & self._planned
        self._planned.add(record_id)
        if open_call or last or row.quickbooks is None:
            self._rest(connection, row, row.state)
            return None
        if row.quickbooks_gone:
            if not there:
                self._rest(connection, row, "gone")
                return None
            return self._keep(connection, row, "delete", {})
        if not there:
            return self._keep(connection, row, "create", row.quickbooks)
        changed = {
            name: value
            for name, value in row.quickbooks.items()
            if row.mosaic[name] != value
        }
        if changed and row.attempt < 3:
            return self._keep(connection, row, "update", changed)
        self._rest(connection, row, "in_sync")
        return None

    def _rest(self, connection: Connection, row: Row[Any], state: str) -> None:
        change(connection, self.company_id, row.id, due_at=None, state=state)

    def _keep(
        self, connection: Connection, row: Row[Any], do: str, values: dict[str, Any]
    ) -> Step:
        fields = time_entry.mosaic_fields(values)
        mosaic_id = None if do == "create" else row.mosaic_id
        write = outbox.New(
            operation=do,
            data_type="time_entry",
            record_id=row.id,
            mosaic_id=mosaic_id,
            fields=fields,
            key=time_entry.content_key(values) if do == "create" else "",
            reason="wanted",
            basis={name: [value, value] for name, value in values.items()},
        )
        ((call_id, ref),) = outbox.begin(
            connection,
            self.company_id,
            [write],
            now=self.clock(),
            settle=self.settle,
        )
        return Step(call_id, ref, do, "time_entry", mosaic_id, fields)


@dataclass
class Timesheet:
    """A company whose people write time in Mosaic, and whose records may have more."""

    mirror: Mirror
    member: int = 0
    project: int = 0
    phase: int = 0
    item: int = 0
    _next: int = field(default=0, repr=False)

    def __post_init__(self) -> None:
        sandbox = self.mirror.sandbox
        self.member = self.add_member("ann@example.com")
        portfolio = sandbox.create("portfolio", title="Alice & Co")
        project = sandbox.create(
            "project", portfolio_id=portfolio["mosaic_id"], title="House"
        )
        self.project = project["mosaic_id"]
        self.phase = project["main_phase_id"]
        work = sandbox.create("standard_work_category", title="Design")
        self.item = work["mosaic_id"]
        self.mirror.time_planner = lambda company_id: Mirroring(
            company_id, self.mirror.clock
        )

    def add_member(self, email: str) -> int:
        """Add a person to Mosaic."""
        made = self.mirror.sandbox.create(
            "employee", email=email, first_name="Ann", last_name="Lee"
        )
        return int(made["mosaic_id"])

    @property
    def today(self) -> date:
        """The day."""
        return self.mirror.clock().date()

    def write(self, days_ago: int = 0, hours: float = 8, **fields: Any) -> int:
        """Write time in Mosaic as a person does; return its number."""
        made = self.mirror.sandbox.create(
            "time_entry",
            **{
                "member_id": self.member,
                "project_id": self.project,
                "phase_id": self.phase,
                "standard_work_category_id": self.item,
                "date": str(self.today - timedelta(days=days_ago)),
                "hours": hours,
                **fields,
            },
        )
        return int(made["mosaic_id"])

    def want(self, days_ago: int = 0, minutes: int = 480, notes: str = "") -> int:
        """Add a record that is to be in Mosaic; return its id."""
        self._next += 1
        mirror, now = self.mirror, self.mirror.clock()
        day = str(self.today - timedelta(days=days_ago))
        with company_transaction(mirror.engine, mirror.company.id) as connection:
            record_id = next_id(connection, mirror.company.id)
            connection.execute(
                _RECORD.insert(),
                {
                    "company_id": mirror.company.id,
                    "id": record_id,
                    "kind": "time_entry",
                    "state": "pending",
                    "name": f"entry {record_id}",
                    "day": day,
                    "quickbooks_id": f"T{self._next}",
                    "quickbooks": {
                        "date": day,
                        "minutes": minutes,
                        "person": self.member,
                        "job": [self.project, self.phase],
                        "item": self.item,
                        "notes": notes,
                        "billable": True,
                    },
                    "due_at": now,
                    "delivery_rank": 60,
                    "created_at": now,
                    "changed_at": now,
                },
            )
        self.wake()
        return record_id

    def edit(self, record_id: int, **changes: Any) -> None:
        """Change what a record is to be in Mosaic, or with `gone` that it is not."""
        mirror, now = self.mirror, self.mirror.clock()
        gone = changes.pop("gone", False)
        row = self.record(record_id)
        with company_transaction(mirror.engine, mirror.company.id) as connection:
            change(
                connection,
                mirror.company.id,
                record_id,
                quickbooks={**row.quickbooks, **changes},
                quickbooks_gone=gone,
                due_at=now,
                changed_at=now,
            )
        self.wake()

    def wake(self) -> None:
        """Have the company served."""
        mirror = self.mirror
        with company_transaction(mirror.engine, mirror.company.id) as connection:
            registry.change(connection, mirror.company.id, deliver_at=mirror.clock())

    def record(self, record_id: int) -> Row[Any]:
        """Return a record."""
        return self.mirror.rows(_RECORD, _RECORD.c.id == record_id)[0]

    def of(self, mosaic_id: int) -> Row[Any]:
        """Return the record of an entry of Mosaic."""
        return self.mirror.rows(
            _RECORD,
            _RECORD.c.mosaic_type == "time_entry",
            _RECORD.c.mosaic_id == mosaic_id,
        )[0]

    def records(self) -> list[Row[Any]]:
        """Return all records of time."""
        return self.mirror.rows(_RECORD, _RECORD.c.kind == "time_entry")

    def entries(self) -> list[dict[str, Any]]:
        """Return Mosaic's time."""
        return self.mirror.sandbox.objects("time_entry")

    def known(self) -> set[int]:
        """Return the numbers of the entries that records have and believe in."""
        return {
            row.mosaic_id
            for row in self.records()
            if row.mosaic_id is not None and not row.mosaic_gone
        }

    def reads(self) -> list[str]:
        """Return the requests that read time."""
        return [
            path
            for method, path in self.mirror.sandbox.requests
            if method == "GET" and "/time_entry?" in path
        ]

    def creations(self) -> int:
        """Return how many creations of time reached Mosaic."""
        return self.mirror.writes().count(("create", "time_entry"))

    def accept(self) -> None:
        """Say that what is gone is gone."""
        mirror = self.mirror
        with company_transaction(mirror.engine, mirror.company.id) as connection:
            company_settings.accept_deletions(
                connection, mirror.company.id, now=mirror.clock(), who="operator"
            )

    def only_once(self, record_id: int) -> None:
        """Have the next plan of a record be the last."""
        planner = Mirroring(self.mirror.company.id, self.mirror.clock)
        planner.once = {record_id}
        self.mirror.time_planner = lambda _: planner

    def poll(self, **spans: float) -> None:
        """Let time pass until Mosaic's time is read again, and run."""
        self.mirror.clock.pass_(**(spans or {"minutes": 360}))
        self.wake()
        self.mirror.run()
