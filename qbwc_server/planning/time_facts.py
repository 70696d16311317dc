"""What the plan of a time entry needs to know, gathered from its record and company."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy.engine import Row

from qbwc_server.companies.registry import Company
from qbwc_server.kinds import conflict, edited, notes, time_entry, two_way
from qbwc_server.kinds.restored import Mark
from qbwc_server.kinds.two_way import Entry
from qbwc_server.records.references import Links


def entry_of(
    company: Company, row: Row[Any], links: Links, came_late: Collection[str] = ()
) -> Entry:
    """Return a record of a time entry as its plan needs it."""
    quickbooks = None if row.quickbooks_gone else row.quickbooks
    mosaic = None if row.mosaic_gone else row.mosaic
    return Entry(
        quickbooks=quickbooks,
        mosaic=mosaic,
        agreed=row.agreed,
        quickbooks_gone=row.quickbooks_gone,
        mosaic_gone=row.mosaic_gone,
        facing={} if quickbooks is None else _facing(links, quickbooks, row.agreed),
        back={} if mosaic is None else links.back(mosaic),
        locked=_locked(company, row, quickbooks),
        closed=None if mosaic is None else closed(company, mosaic["date"]),
        later=edited.later(row.edited),
        settled=conflict.words(row.conflict, row.quickbooks, row.mosaic),
        instead=conflict.instead(row.conflict, quickbooks, mosaic),
        name=row.name,
        restored=row.restored,
        lost=row.lost,
        unlisted=links.unlisted(row.lost) if row.restored and row.lost else {},
        came_late=came_late,
    )


def _facing(
    links: Links, quickbooks: Mapping[str, Any], agreed: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return QuickBooks' entry in Mosaic's terms.

    Of notes that QuickBooks keeps in another form only what was edited there changes.
    """
    facing = links.facing(quickbooks)
    full = (agreed or {}).get("mosaic", {}).get("notes")
    kept = (agreed or {}).get("quickbooks", {}).get("notes")
    if full is not None and kept is not None:
        facing["notes"] = notes.edited(full, kept, quickbooks["notes"])
    return facing


def _locked(
    company: Company, row: Row[Any], quickbooks: Mapping[str, Any] | None
) -> str | None:
    if quickbooks is None:
        return None
    if row.restored == Mark.ADD:
        # The invoice that it was on does not hold what is not there.
        return closed(company, quickbooks["date"])
    return lock(company, quickbooks)


def rules_of(company: Company) -> two_way.Company:
    """Return what a company has decided, and why it may not write now."""
    held = None
    if not company.delivers:
        live = company.mode == "live"
        held = "Stopped until somebody has looked" if live else company.mode.title()
    return two_way.Company(company.policy, company.two_way, held)


def lock(company: Company, quickbooks: Mapping[str, Any]) -> str | None:
    """Return why QuickBooks does not let an entry be changed, None if it does."""
    if quickbooks["billable"] == time_entry.BILLED:
        return "It is on an invoice in QuickBooks."
    return closed(company, quickbooks["date"])


def closed(company: Company, day: str) -> str | None:
    """Return that the books of a day are closed, None if they are not."""
    if company.closing_date and day <= company.closing_date:
        return f"The books are closed up to {company.closing_date}."
    return None
