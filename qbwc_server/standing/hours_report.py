"""All that is told of a company's hours in a period: lines, sums, reasons, complete?

What a command and a page show; neither counts or decides anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.companies import registry
from qbwc_server.companies.registry import Company
from qbwc_server.kinds.gate import Reading
from qbwc_server.kinds.time_entry import NAME
from qbwc_server.standing import completeness, hours
from qbwc_server.standing.completeness import Blame, Group, Missing, Reads
from qbwc_server.standing.hours import Hindrance, Hours
from qbwc_server.storage import tables
from qbwc_server.words import hours as hour_words

By: TypeAlias = Literal["person", "job", "day"]
_READING, _EXCHANGE = tables.reading, tables.exchange
_MOST: Final = 1_000


@dataclass(frozen=True, slots=True)
class Sum:
    """Hours of a person, a job or a day on both sides; `unknown` counts unread ones."""

    name: str | None
    quickbooks_minutes: int
    mosaic_minutes: int
    unknown: int

    @property
    def difference(self) -> int:
        """How many minutes more QuickBooks has."""
        return self.quickbooks_minutes - self.mosaic_minutes


@dataclass(frozen=True, slots=True)
class Report:
    """The hours of a period; complete if nothing is `missing`."""

    lines: list[Hours]
    groups: list[Group]
    missing: list[Missing]
    quickbooks_at: datetime | None
    mosaic_at: datetime | None

    @property
    def total(self) -> Sum:
        """All hours of the period."""
        return _sum("total", self.lines)

    @property
    def differing(self) -> list[Hours]:
        """The lines that have a reason."""
        return [one for one in self.lines if one.reason != "same"]

    def by(self, what: By) -> list[Sum]:
        """Return the hours of each person, job or day, by name."""
        apart: dict[str | None, list[Hours]] = {}
        for one in self.lines:
            apart.setdefault(getattr(one, what), []).append(one)
        return [
            _sum(name, apart[name]) for name in sorted(apart, key=lambda n: n or "")
        ]


def of(
    connection: Connection, company: Company, first: date, last: date, now: datetime
) -> Report:
    """Return what is told of a period; both days are part of it."""
    lines = hours.of(connection, company, first.isoformat(), last.isoformat())
    groups = _groups(lines)
    reads = _reads(connection, company, first, last, now)
    hindrance = Hindrance.of(connection, company)
    blame = Blame()
    if hindrance.what is not None:
        blame = Blame(hindrance.who, hindrance.do)
    found = completeness.missing(
        last,
        completeness.ends_at(last, company.offset_minutes),
        reads,
        groups,
        first=first,
        blame=blame,
        now=now,
    )
    return Report(lines, groups, found, reads.quickbooks_at, reads.mosaic_at)


def _reads(
    connection: Connection, company: Company, first: date, last: date, now: datetime
) -> Reads:
    rows = {
        row.kind: row
        for row in connection.execute(
            sa.select(_READING).where(
                _READING.c.company_id == company.id,
                _READING.c.kind.in_((NAME, registry.MOSAIC_TIME)),
            )
        )
    }
    here: Any = rows.get(NAME)
    there: Any = rows.get(registry.MOSAIC_TIME)
    lately = [] if there is None else [Reading.kept(one) for one in there.lately or ()]
    unused = (
        sa.select(_EXCHANGE.c.id)
        .where(_EXCHANGE.c.company_id == company.id, _EXCHANGE.c.failed_at.is_not(None))
        .limit(_MOST)
        .subquery()
    )
    return Reads(
        quickbooks_at=None if here is None else here.begun_at,
        quickbooks_from=None if here is None else here.reach,
        problem=None if here is None else here.problem,
        mosaic_at=completeness.mosaic_as_of(
            first, last, lately, company.mosaic_time_from, now
        ),
        mosaic_from=company.mosaic_time_from,
        unused=connection.execute(
            sa.select(sa.func.count()).select_from(unused)
        ).scalar_one(),
        tracks_time=company.time_tracking is not False,
    )


def _groups(lines: Sequence[Hours]) -> list[Group]:
    """Return the reasons that there are, in their order; who and do are of each."""
    apart: dict[str, list[Hours]] = {}
    for one in lines:
        apart.setdefault(one.reason, []).append(one)
    return [
        _group(reason, apart[reason])
        for reason in hour_words.REASONS
        if reason in apart
    ]


def _group(reason: str, lines: Sequence[Hours]) -> Group:
    total = _sum(reason, lines)
    return Group(
        reason,
        hour_words.hours(reason).happened,
        lines[0].who_must_act,
        lines[0].next_step,
        len({one.record_id for one in lines}),
        total.quickbooks_minutes,
        total.mosaic_minutes,
    )


def _sum(name: str | None, lines: Sequence[Hours]) -> Sum:
    return Sum(
        name,
        sum(one.quickbooks_minutes or 0 for one in lines),
        sum(one.mosaic_minutes for one in lines),
        sum(one.quickbooks_minutes is None for one in lines),
    )
