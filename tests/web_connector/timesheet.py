"""Time entries of a desk: their records, the jobs that write them, and the file's."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from qbwc_server.jobs import queue
from qbwc_server.jobs.queue import Job
from qbwc_server.kinds import time_entry
from qbwc_server.qbxml import response
from qbwc_server.qbxml.request import message_set
from qbwc_server.quickbooks.time_looks import by_ids
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction, next_id
from tests.web_connector.desk import Desk


class Timesheet:
    """Makes entries and the jobs to write them, as a plan would."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        desk.hands.set("time_tracking", value=True)
        self._mosaic_ids = iter(range(9001, 99999))
        rows = desk.file.store.all("SELECT * FROM record WHERE kind = 'ItemService'")
        self.item = str(rows[0]["list_id"])

    def new(self, day: str = "2026-02-27", **fields: Any) -> int:
        """Make an entry that is only in Mosaic and is to be added to QuickBooks."""
        guid = "{" + str(uuid.uuid4()) + "}"
        wanted = self.fields(day, **fields)
        record_id = self._insert(
            name=f"{day} Ada",
            day=day,
            mosaic_type="time_entry",
            mosaic_id=next(self._mosaic_ids),
            mosaic={"date": day, "notes": wanted["notes"]},
            external_guid=guid,
            delivery_rank=60,
        )
        basis = {name: [wanted[name], f"mosaic {name}"] for name in time_entry.FIELDS}
        self._enqueue(
            record_id, "add", {"fields": wanted, "basis": basis, "guid": guid}
        )
        return record_id

    def linked(self, day: str = "2026-02-27", **columns: Any) -> int:
        """Make an entry that both sides have and agree on."""
        desk = self.desk
        txn_id = desk.hands.add_time(
            desk.person,
            day,
            60,
            customer=desk.customer,
            item=self.item,
            notes="Old",
            **columns,
        )
        request = message_set([by_ids([txn_id])])
        answer = response.parse(desk.quickbooks().process(request)).answers[0]
        seen = time_entry.see(answer.rets[0])
        return self._insert(
            name=seen.name,
            day=day,
            quickbooks_id=txn_id,
            quickbooks=seen.snapshot,
            edit_sequence=seen.edit_sequence,
            time_modified=seen.time_modified,
            parent_id=seen.parent_id,
            mosaic_type="time_entry",
            mosaic_id=next(self._mosaic_ids),
            mosaic={"date": day},
            agreed={"quickbooks": seen.snapshot, "mosaic": {"notes": "old"}},
        )

    def change(self, record_id: int, **fields: Any) -> None:
        """Have an entry changed in QuickBooks."""
        row = self.record(record_id)
        wanted = {
            "person": row.quickbooks["person"],
            "minutes": row.quickbooks["minutes"],
            **fields,
        }
        self._enqueue(
            record_id,
            "mod",
            {
                "fields": wanted,
                "basis": {name: [fields[name], f"mosaic {name}"] for name in fields},
                "txn_id": row.quickbooks_id,
                "edit_sequence": row.edit_sequence,
            },
        )

    def delete(self, record_id: int) -> None:
        """Have an entry deleted in QuickBooks."""
        row = self.record(record_id)
        payload = {
            "fields": {},
            "basis": {},
            "txn_id": row.quickbooks_id,
            "edit_sequence": row.edit_sequence,
        }
        self._enqueue(record_id, "del", payload)

    def fields(self, day: str, **fields: Any) -> dict[str, Any]:
        """Return all fields of an entry in QuickBooks' terms."""
        return {
            "date": day,
            "minutes": 90,
            "person": self.desk.person,
            "job": self.desk.customer,
            "item": self.item,
            "notes": "Drawings",
            "billable": "Billable",
            "class": None,
            "payroll_item": None,
            **fields,
        }

    def record(self, record_id: int) -> sa.Row[Any]:
        """Return a record as it is now."""
        return next(row for row in self.desk.rows(tables.record) if row.id == record_id)

    def job(self, record_id: int) -> Job:
        """Return the latest job that writes an entry."""
        return [one for one in self.desk.jobs() if one.record_id == record_id][-1]

    def verified(self) -> list[Any]:
        """Return the payloads of the jobs that read entries again."""
        return [job.payload for job in self.desk.jobs() if job.action == "verify"]

    def file(self) -> list[Any]:
        """Return the entries of the company file, in the order they were made."""
        rows = self.desk.file.store.all("SELECT * FROM time_entry ORDER BY number")
        return [dict(row) for row in rows]

    def days(self) -> list[str]:
        """Return the days of the entries in the company file, in order."""
        return sorted(str(row["txn_date"]) for row in self.file())

    def events(self, record_id: int) -> list[sa.Row[Any]]:
        """Return what happened to a record."""
        rows = self.desk.rows(tables.record_event)
        return [row for row in rows if row.record_id == record_id]

    def lose(self, *, executed: bool) -> None:
        """Have the next writes go out and their answer get lost."""
        ticket = self.desk.ticket()
        request = self.desk.first_write(ticket)
        assert "newMessageSetID" in request
        if executed:
            self.desk.quickbooks().process(request)
        self.desk.call("closeConnection", ticket)
        self.desk.clock.pass_(minutes=2)

    def forget(self) -> None:
        """Have QuickBooks forget the answers that it stored."""
        self.desk.file.clear_all_message_sets(self.desk.application.app_name)

    def _insert(self, **values: Any) -> int:
        company_id, now = self.desk.company.id, self.desk.clock()
        with company_transaction(self.desk.engine, company_id) as connection:
            record_id = next_id(connection, company_id)
            wanted = {
                "company_id": company_id,
                "id": record_id,
                "kind": time_entry.NAME,
                "state": "pending",
                "created_at": now,
                "changed_at": now,
                **values,
            }
            connection.execute(tables.record.insert(), wanted)
        return record_id

    def _enqueue(self, record_id: int, action: str, payload: Mapping[str, Any]) -> None:
        company_id = self.desk.company.id
        with company_transaction(self.desk.engine, company_id) as connection:
            made = queue.enqueue(
                connection,
                company_id,
                kind=time_entry.NAME,
                action=action,
                record_id=record_id,
                summary=f"{action} time",
                now=self.desk.clock(),
                by="test",
                dedupe_key=f"time:{record_id}",
                payload=dict(payload),
            )
            assert made is not None
