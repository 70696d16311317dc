"""What a customer's addresses are told of his connection, and when.

`news` and `next_week` decide, from facts alone. What is due is derived from how the
connection stands and what an address was told: what is over before it was told is told
nobody, and who confirms while it is late learns it at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy.engine import Connection, Row

from qbwc_server.companies import attention, registry
from qbwc_server.companies.registry import Company
from qbwc_server.decisions import alert_addresses
from qbwc_server.decisions.questions import of_company
from qbwc_server.standing import who_must_act

_MONDAY: Final = timedelta(hours=8)
"""In a week that begins on Monday, by the clock of the computer with QuickBooks."""
_WEEK: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Stands:
    """How a connection stands: only what its customer is alerted of."""

    paused: bool = False
    late: bool = False
    stopped: bool = False

    @classmethod
    def of(cls, company: Company) -> Stands:
        """Return how a company stands now."""
        return cls(
            paused=company.mode == "paused",
            late=company.late_at is not None,
            stopped=company.attention_id in attention.STOPPING,
        )

    @property
    def wrong(self) -> frozenset[str]:
        """What is wrong, by the names of its mails."""
        return frozenset(
            name for name in ("late", "stopped") if getattr(self, name) is True
        )


def news(stands: Stands, told: frozenset[str]) -> str | None:
    """Return what who was `told` that much is to be told now: one thing at a time.

    A stop goes first: somebody must settle it. Back is told once, when nothing is wrong
    any more, to who was told that something is. Of what is paused nothing is news.
    """
    if stands.paused:
        return None
    for what in ("stopped", "late"):
        if what in stands.wrong - told:
            return what
    return "back" if told and not stands.wrong else None


def told_by(stands: Stands, told: frozenset[str], what: str | None) -> frozenset[str]:
    """Return of what still stands what an address was told, after `what` was, too.

    During a pause nothing is forgotten: what was late before it may be late after it.
    """
    if stands.paused:
        return told
    return stands.wrong & (told | {what or ""})


def next_week(now: datetime, offset_minutes: int | None) -> datetime:
    """Return the next Monday at eight, by a clock so many minutes east of UTC."""
    offset = timedelta(minutes=offset_minutes or 0)
    local = now.astimezone(UTC) + offset
    monday = local.replace(hour=0, minute=0, second=0, microsecond=0)
    monday -= timedelta(days=local.weekday())
    at = monday + _MONDAY
    return (at if at > local else at + _WEEK) - offset


def needs(connection: Connection, company: Company) -> int:
    """Return in how much a customer acts next: what his page counts and asks."""
    counted = who_must_act.counts(connection, company.id)
    records = sum(one.by_need["needs_you"] for one in counted)
    return records + of_company.asked(connection, company)


def plan(connection: Connection, company: Company, now: datetime) -> None:
    """Keep at each address of a company what it is to be told, and when to look next.

    News takes the place of what could not be told yet; what needs somebody waits until
    there is none.
    """
    stands = Stands.of(company)
    for row in alert_addresses.rows(connection, company.id, now):
        if row.confirmed_at is not None:
            _plan(connection, company, stands, row, now)
    later = [
        moment
        for row in alert_addresses.rows(connection, company.id, now)
        for moment in (row.notice_at, row.weekly_at)
        if moment is not None
    ]
    registry.change(connection, company.id, alert_at=min(later, default=None))


def _plan(
    connection: Connection,
    company: Company,
    stands: Stands,
    row: Row[Any],
    now: datetime,
) -> None:
    told = frozenset(filter(None, row.told.split(",")))
    what = news(stands, told)
    values: dict[str, object] = {}
    if told != (after := told_by(stands, told, what)):
        values["told"] = ",".join(sorted(after))
    is_free = what is None and row.notice is None
    if row.weekly_at is None:
        values["weekly_at"] = next_week(now, company.offset_minutes)
    elif row.weekly_at <= now and (stands.paused or is_free):
        values["weekly_at"] = next_week(now, company.offset_minutes)
        if not stands.paused and needs(connection, company):
            what = "needs_you"
    if stands.paused and row.notice is not None:
        values |= {"notice": None, "notice_at": None, "notice_left": None}
    elif what is not None:
        values |= {
            "notice": what,
            "notice_id": f"{company.id}-{row.id}-{now:%Y%m%dT%H%M%S}-{what}",
            "notice_at": now,
            "notice_left": None,
            "notice_tries": 0,
        }
    if values:
        alert_addresses.change(connection, company.id, row.id, **values)
