"""A company goes live: refused with every reason while something is not ready."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from qbwc_server.companies import registry
from qbwc_server.companies.attention import STOPPING
from qbwc_server.companies.registry import Company
from qbwc_server.decisions import overlap
from qbwc_server.decisions.overlap import Overlap
from qbwc_server.errors import QbwcError
from qbwc_server.kinds import KINDS
from qbwc_server.records import due
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_reading, company_transaction

_READING = tables.reading


class NotReady(QbwcError):
    """A company cannot go live yet; `reasons` says what is missing, a sentence each."""

    id: ClassVar[str] = "company-not-ready"

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


def go_live(
    engine: Engine,
    company: Company,
    clock: Callable[[], datetime],
    *,
    who: str,
    previewed: bool,
    common: list[Overlap] | None = None,
    why: str | None = None,
) -> bool:
    """Have everything written that waits; False if the company is live already.

    Mosaic's lists are read once more before anything is made there. `previewed` says
    that somebody was told what it means, with counts and hours: then this is also the
    yes to hours that are in Mosaic already. `common` is what `overlap.look` told
    lately; without it that is looked for now.

    Raises:
        NotReady: something is missing; nothing is changed.
    """
    if company.mode == "live":
        return False
    if common is None:
        common = overlap.look(engine, company, clock)
    with company_transaction(engine, company.id) as connection:
        again = registry.get(connection, company.id)
        reasons = _missing(connection, again, common)
        if reasons:
            raise NotReady(reasons)
        now = clock()
        values = {
            "mode": "live",
            "mode_at": now,
            "mosaic_read_at": None,
            "time_window_at": now,
        }
        if again.before_live == "ask" and previewed:
            values["before_live"] = "add"
        registry.change(connection, company.id, **values)
        registry.audit(connection, company.id, now, who=who, what="went live", why=why)
        due.look_at_all(connection, company.id, now)
    return True


def missing(
    engine: Engine, company: Company, clock: Callable[[], datetime]
) -> list[str]:
    """Return what must be done before a company can go live, a sentence each."""
    common = overlap.look(engine, company, clock)
    with company_reading(engine, company.id) as connection:
        return _missing(connection, company, common)


def _missing(
    connection: Connection, company: Company, common: list[Overlap]
) -> list[str]:
    found = []
    if company.mode == "paused":
        found.append("This connection is paused: have it go on first.")
    if company.file_name is None:
        found.append(
            "The company file is not recognised yet: let the Web Connector run once."
        )
    unread = _unread(connection, company)
    if unread:
        found.append(f"QuickBooks' {' and '.join(unread)} are not read yet.")
    if company.mosaic_key is None:
        found.append("There is no Mosaic API key for this connection yet.")
    elif company.mosaic_read_at is None:
        found.append("Mosaic's lists are not read yet.")
    if company.attention_id in STOPPING and company.attention:
        found.append(company.attention)
    undecided = [one for one in common if one.needs_word]
    if undecided:
        names = ", ".join(one.name for one in undecided[:3])
        more = f" and {len(undecided) - 3} more" if len(undecided) > 3 else ""
        found.append(
            f"Another company file of your team has {names}{more} too. Say whether "
            "both share them: all at once, on the page Shared."
        )
    return found


def _unread(connection: Connection, company: Company) -> list[str]:
    """Return the lists that were never read whole."""
    wanted = {
        kind.name: kind.plural
        for kind in KINDS.values()
        if kind.mirror is not None and (kind.by_setting is None or company.contractors)
    }
    read = connection.execute(
        sa.select(_READING.c.kind).where(
            _READING.c.company_id == company.id, _READING.c.last_full_at.is_not(None)
        )
    ).scalars()
    there = set(read)
    return [plural for name, plural in wanted.items() if name not in there]
