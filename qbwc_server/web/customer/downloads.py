"""Downloads as CSV: all records with their reasons, and the runs of a month."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response
from sqlalchemy.engine import Row

from qbwc_server.onboarding import company_status
from qbwc_server.standing import entries, reasons, who_must_act
from qbwc_server.standing.entries import Entry
from qbwc_server.standing.hindrance import Reason
from qbwc_server.storage.database import company_reading
from qbwc_server.web import csv_file
from qbwc_server.web.customer.site import Site
from qbwc_server.web.say import iso
from qbwc_server.words.questions import for_customer

_PART = 1000
_RECORDS = (
    *("number", "kind", "name"),
    *("day", "person", "job"),
    *("item", "minutes", "billable", "as in"),
    *("stands", "state", "reason", "who acts", "what to do"),
    *("QuickBooks id", "Mosaic type", "Mosaic id", "changed"),
)
_NO_TIME = ("",) * 7
_RUNS = ("number", "began", "ended", "went wrong", "said", "company file")
_MONTH = timedelta(days=30)


def blueprint(site: Site) -> Blueprint:
    """Return GET records.csv and runs.csv below /setup/<token>."""
    pages = Blueprint("downloads", __name__)

    @pages.get("/setup/<token>/records.csv")
    def records(token: str) -> Response:
        company = site.company(token)

        def rows() -> Iterator[Sequence[object]]:
            after = 0
            # In parts: a download of hours must not hold a transaction for hours.
            while True:
                with company_reading(site.engine, company.id) as connection:
                    held_by = reasons.holding(connection, company.id)
                    part = company_status.every_record(
                        connection, company.id, after, _PART
                    )
                    told = entries.of(connection, company.id, part)
                yield from (_record(row, told.get(row.id), held_by) for row in part)
                if len(part) < _PART:
                    return
                after = part[-1].id

        return csv_file.answer("records.csv", _RECORDS, rows())

    @pages.get("/setup/<token>/runs.csv")
    def runs(token: str) -> Response:
        company = site.company(token)
        since = site.clock() - _MONTH
        with company_reading(site.engine, company.id) as connection:
            found = company_status.runs_since(connection, company.id, since)
            return csv_file.answer("runs.csv", _RUNS, [_run(row) for row in found])

    return pages


def _record(
    row: Row[Any], entry: Entry | None, held_by: Reason | None
) -> Sequence[object]:
    worked: Sequence[object] = _NO_TIME
    if entry is not None:
        at = (entry.day, entry.person, entry.job, entry.item)
        worked = (*at, entry.minutes, entry.billable, entry.side)
    stands = who_must_act.of(row, held_by)
    why = for_customer((stands.why if stands.is_held else row.reason) or "")
    return (
        *(row.id, row.kind.replace("_", " "), row.name),
        *worked,
        *(stands.title, row.state, why, stands.who, stands.do),
        *(row.quickbooks_id, row.mosaic_type, row.mosaic_id, iso(row.changed_at)),
    )


def _run(row: Row[Any]) -> Sequence[object]:
    ended = iso(row.ended_at) if row.ended_at else ""
    wrong = "yes" if company_status.went_wrong(row) else "no"
    return row.id, iso(row.started_at), ended, wrong, row.summary, row.file_path
