"""Whether it is us: our servers, workers and Mosaic, now and at a moment of the past.

Pure. `of` judges what stands in `support_health`; `then` says what was the matter with
a company at a moment, ours first, because then nobody else could do anything about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

OPERATIONS: Final = "operations"
"""Who looks after the machines: neither the customer nor who answers him."""
_SILENT: Final = timedelta(minutes=3)
_BEHIND: Final = timedelta(minutes=30)
_STARTS: Final = {"server": "qbwc-server serve", "worker": "qbwc-server worker"}


@dataclass(frozen=True, slots=True)
class Seen:
    """A row of `support_health`."""

    part: str
    what: str
    since: datetime | None = None
    last_seen_at: datetime | None = None
    companies: int | None = None
    not_reached: int | None = None
    waiting: int | None = None
    oldest_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """How one part of ours is, since when, and who acts."""

    part: str
    what: str
    state: str
    who_must_act: str
    why: str
    next_step: str
    since: datetime | None
    last_seen_at: datetime | None

    @property
    def is_well(self) -> bool:
        """Whether nothing is the matter with it."""
        return self.state == "up"


def of(rows: Iterable[Seen], now: datetime) -> list[Part]:
    """Return how each part is; what never gave a sign of life is down, too."""
    found = {(one.part, one.what): one for one in rows}
    for name in _STARTS:
        found.setdefault((name, name), Seen(name, name))
    judged = {**dict.fromkeys(_STARTS, _process), "mosaic": _mosaic}
    parts = [judged.get(one.part, _work)(one, now) for one in found.values()]
    return sorted(parts, key=lambda one: (one.is_well, one.part, one.what))


def _process(seen: Seen, now: datetime) -> Part:
    at = seen.last_seen_at
    if at is not None and now - at <= _SILENT:
        return _well(seen, f"A {seen.part} of ours is up.")
    last = "never" if at is None else f"last at {at:%Y-%m-%d %H:%M} UTC"
    return Part(
        *(seen.part, seen.what, "down", OPERATIONS),
        f"No {seen.part} of ours is up: {last}. It is us, not the customers.",
        f"Please start it: `{_STARTS[seen.part]}`, and see why it ended.",
        *(at, at),
    )


def _mosaic(seen: Seen, _now: datetime) -> Part:
    missed, every = seen.not_reached or 0, seen.companies or 0
    if not missed:
        return _well(seen, "Mosaic answers.")
    whole = missed == every
    told = "for all companies" if whole else f"for {missed} of {every} companies"
    return Part(
        *(seen.part, seen.what, "down" if whole else "partly", OPERATIONS),
        f"Mosaic cannot be reached {told}. It is tried again by itself.",
        "Please see that this machine reaches it, and whether Mosaic says why.",
        *(seen.since, seen.last_seen_at),
    )


def _work(seen: Seen, now: datetime) -> Part:
    oldest = seen.oldest_at
    if oldest is None or now - oldest <= _BEHIND:
        return _well(seen, "Work is done when it is due.")
    return Part(
        *(seen.part, seen.what, "behind", OPERATIONS),
        "Work of the workers is long overdue.",
        "Please see that workers run, and start another one.",
        *(oldest, seen.last_seen_at),
    )


def _well(seen: Seen, told: str) -> Part:
    nothing = "Nothing to do."
    since = seen.since if seen.part in _STARTS else None
    return Part(
        *(seen.part, seen.what, "up", "nobody", told, nothing),
        *(since, seen.last_seen_at),
    )


@dataclass(frozen=True, slots=True)
class Outage:
    """Something that was the matter; `until` is None while it is."""

    part: str
    why: str
    since: datetime
    until: datetime | None

    def covers(self, at: datetime) -> bool:
        """Tell whether it was so at a moment."""
        return self.since <= at and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True)
class Then:
    """What was the matter at a moment, and whose it was."""

    who: str
    why: str
    since: datetime | None = None
    until: datetime | None = None


_WHOSE: Final = {
    "server": OPERATIONS,
    "worker": OPERATIONS,
    "silence": "customer",
    "mosaic": "mosaic",
}
_IN_ORDER: Final = ("server", "silence", "worker", "stop", "company", "mosaic")


def then(outages: Sequence[Outage], at: datetime) -> list[Then]:
    """Return what was the matter at a moment, ours first; one that says so if nothing.

    While no server was up nobody could call, so silence is no finding of its own.
    """
    met = [one for one in outages if one.covers(at)]
    if any(one.part == "server" for one in met):
        met = [one for one in met if one.part != "silence"]
    met.sort(key=lambda one: _IN_ORDER.index(one.part))
    nothing = "Web Connector called, our servers were up, and Mosaic was reached."
    return [
        Then(_WHOSE.get(one.part, "company"), one.why, one.since, one.until)
        for one in met
    ] or [Then("nobody", nothing)]


def silences(
    notes: Sequence[tuple[datetime, datetime | None]],
    late_since: datetime | None,
    last_seen_at: datetime | None,
) -> Iterator[Outage]:
    """Yield when a Web Connector did not call; a silence begins with its last call.

    `notes` are of the audit, in order: when it was noted, and for "is late" the last
    call before it; for "calls again" None.
    """
    told = "Web Connector did not call: the computer, QuickBooks or its network."
    began: datetime | None = None
    for at, last_call in notes:
        if last_call is not None:
            began = last_call
        elif began is not None:
            yield Outage("silence", told, began, at)
            began = None
    if late_since is not None:
        yield Outage("silence", told, last_seen_at or late_since, None)
