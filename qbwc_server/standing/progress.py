"""How far a connection is, step by step, and the four answers of every page. Pure.

A customer who reads only the page must know: is it working, when did it last run, what
is missing, what must I do. Everything here is derived from what is stored; nothing is
kept, so a step cannot stay ticked that is not so any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from qbwc_server.standing import hindrance
from qbwc_server.standing.hindrance import Reason
from qbwc_server.words.customer import pauses
from qbwc_server.words.questions import on_the_page
from qbwc_server.words.urgency import COMPARING, KEY_MISSING, Place
from qbwc_server.words.wording import fitting

_ALIKE: Final = 60
"""Characters by which a run is known to have ended with what is to be done."""


class Tick(StrEnum):
    """Where a step is."""

    DONE = "done"
    REMARK = "remark"
    """Done, and something is to be known about it."""
    NOW = "now"
    TROUBLE = "trouble"
    TODO = "todo"


FINISHED: Final = frozenset({Tick.DONE, Tick.REMARK})
"""Where a step is that holds nothing up."""


@dataclass(frozen=True, slots=True)
class Read:
    """How far the first read of a kind is.

    `share` is between 0 and 1, None while it cannot be told; `left` is the time that it
    still takes as far as the pace so far tells.
    """

    plural: str
    count: int
    is_done: bool
    share: float | None = None
    left: timedelta | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """The last run of Web Connector."""

    began: datetime
    ended: datetime | None
    said: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is stored about a connection, as of `now`."""

    now: datetime
    mode: str
    poll_every: int
    mode_at: datetime | None = None
    paused_by: str | None = None
    paused_why: str | None = None
    hinders: tuple[Reason, ...] = ()
    """All that hinders the company, by `reasons`: what every view of it goes by."""
    too_old: str | None = None
    """What is said of a Web Connector that was too old and has not called since."""
    last_seen_at: datetime | None = None
    file_name: str | None = None
    file_path: str | None = None
    product: str = ""
    automatic_login: bool = False
    personal_data: bool = False
    time_tracking: bool = True
    reads: Sequence[Read] = ()
    has_mosaic_key: bool = True
    mosaic_read_at: datetime | None = None
    mosaic_time_read: bool = True
    last_run: Run | None = None
    to_see: tuple[str, ...] = ()
    """What was decided without a person and nobody has seen yet."""
    is_unplaced: bool = False
    """Whether hours of Mosaic wait for what QuickBooks does not have."""
    is_filling: bool = False
    """Whether much is still on its way to Mosaic."""

    @property
    def attention(self) -> Reason | None:
        """What a person must look at first; remarks are none."""
        found = (one for one in self.hinders if one.is_attention)
        return next((one for one in found if one.place != Place.REMARK), None)

    @property
    def refused_at(self) -> datetime | None:
        """When a wrong password came last and holds it up, None if none does."""
        found = (one for one in self.hinders if one.reason == "wrong_password")
        return next((one.since for one in found), None)

    @property
    def has_called(self) -> bool:
        """Whether Web Connector ever called, if only with a wrong password."""
        return self.last_seen_at is not None or self.refused_at is not None

    @property
    def last_said(self) -> str:
        """What the last run said; in short where it is what is to be done anyway."""
        said = "" if self.last_run is None else self.last_run.said
        told = fitting(self.attention.why if self.attention else "")[:_ALIKE]
        if told and said.startswith(told):
            return "it stopped at what is to be done, below."
        return said


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its name never changes, `said` is for the customer.

    What goes on `by_itself` is nothing that he must do.
    """

    id: str
    title: str
    tick: Tick
    said: str = ""
    by_itself: bool = False


@dataclass(frozen=True, slots=True)
class Answers:
    """The four answers; `tone` is good, busy or bad, `do` has a sentence for each."""

    tone: str
    working: str
    missing: str
    do: tuple[str, ...]


def next_run(facts: Facts) -> datetime | None:
    """Return when Web Connector calls next by its schedule, None if it never called."""
    if facts.last_seen_at is None:
        return None
    return facts.last_seen_at + timedelta(minutes=facts.poll_every)


def is_late(facts: Facts) -> bool:
    """Tell whether Web Connector has been silent for too long.

    Who is paused is not missed, whatever was found before.
    """
    return any(one.reason == "late" for one in facts.hinders)


def steps(facts: Facts) -> tuple[Step, ...]:
    """Return the steps of the first hour, in their order.

    What needs attention stands at the first step that is not done, where the customer
    is held up; once all is done it is told by `answers` alone.
    """
    found = []
    held = False
    for step in (
        _added(facts),
        _password(facts),
        _file(facts),
        _permission(facts),
        _reads(facts),
        _preview(facts),
        _live(facts),
    ):
        if step.tick in FINISHED:
            found.append(step)
            continue
        if held:
            found.append(Step(step.id, step.title, Tick.TODO))
            continue
        held = True
        found.append(_held_up(step, facts.attention))
    return tuple(found)


def _held_up(step: Step, by: Reason | None) -> Step:
    """Return a step as it is while something holds it up; None is nothing."""
    theirs = by is not None and by.who_must_act == "customer"
    if by is None or step.tick is not Tick.NOW or not (theirs or step.by_itself):
        return step
    tick = Tick.TROUBLE if theirs else Tick.NOW
    return Step(step.id, step.title, tick, on_the_page(by.why), by_itself=not theirs)


def done(found: Sequence[Step]) -> int:
    """Return how many of the steps are done."""
    return sum(step.tick in FINISHED for step in found)


def answers(facts: Facts, *, needs: int = 0, conflicts: int = 0) -> Answers:
    """Return the answers; `needs` records wait for the customer, so do `conflicts`."""
    todo = _todo(facts, needs, conflicts)
    unfinished = [step for step in steps(facts) if step.tick not in FINISHED]
    missing = _missing(facts, unfinished)
    if facts.mode == "paused":
        return Answers("busy", "It is paused.", missing, _or_nothing(todo))
    found = hindering(facts)
    stops = [one for one in found if one.place <= Place.LATE]
    if stops and all(one.reason == COMPARING for one in stops):
        working = "Not just now: everything is compared with the restored file."
        return Answers("busy", working, missing, _or_nothing(todo))
    if stops:
        must = any(one.who_must_act == "customer" for one in found)
        working = f"No. {'Something is to be done first.' if must else 'It waits.'}"
        return Answers("bad", working, missing, _or_nothing(todo))
    if unfinished:
        first = unfinished[0]
        if first.said and not first.by_itself and first.said not in todo:
            todo.insert(0, first.said)
        working = "Not yet: it is being connected."
        tone = "bad" if found else "busy"
        return Answers(tone, working, missing, _or_nothing(todo))
    if found:
        return Answers("bad", "Not quite.", missing, _or_nothing(todo))
    running = "Yes, it is running now." if _is_running(facts) else "Yes."
    if facts.is_filling:
        running = "Yes. Mosaic is being filled."
    if needs or facts.is_unplaced:
        working = f"{running} Something needs you."
        return Answers("busy", working, "What needs you, below.", tuple(todo))
    return Answers("good", running, missing, _or_nothing(todo))


_RESUME: Final = "Press Resume on the overview when the pause is over."
_RESUMED_BY_SUPPORT: Final = (
    "Our support paused it, and resumes it: please ask them when it is to go on."
)
_BY_STEPS: Final = frozenset({"waiting", "first_reads", "preview", "records"})
"""What hinders nothing that was there: a step tells it, or what records need."""


def hindering(facts: Facts) -> list[Reason]:
    """Return what keeps a connection that was made from working as it should."""
    return [
        one
        for one in facts.hinders
        if one.reason not in _BY_STEPS and one.place != Place.REMARK
    ]


def _missing(facts: Facts, unfinished: Sequence[Step]) -> str:
    """Return what is missing: steps, what others see to, or what holds it up."""
    # Who is paused was live, or in preview: that is not what is missing.
    left = [one for one in unfinished if facts.mode != "paused" or one.id != "live"]
    titles = ", then ".join(step.title for step in left[:2])
    found = hindering(facts)
    parts = [f"{titles}."] if titles else []
    parts += [_said(one) for one in found if one.who_must_act != "customer"]
    if not parts and found:
        parts = [on_the_page(found[0].why)]
    return " ".join(parts) or "Nothing."


def _said(one: Reason) -> str:
    if one.place == Place.PAUSED:
        theirs = one.reason == pauses.BY_CUSTOMER
        return _RESUME if theirs else _RESUMED_BY_SUPPORT
    return on_the_page(hindrance.said(one))


def _todo(facts: Facts, needs: int, conflicts: int) -> list[str]:
    """Return all that the customer must do, and nothing that others do."""
    todo = [
        _said(one)
        for one in facts.hinders
        if one.who_must_act == "customer" and one.reason not in _BY_STEPS
    ]
    if facts.too_old is not None and facts.last_seen_at is not None:
        todo.append(facts.too_old)
    if conflicts:
        todo.append(_many(conflicts, "conflict is", "conflicts are") + " to settle.")
    if needs - conflicts > 0:
        count = _many(needs - conflicts, "record needs", "records need")
        todo.append(f"{count} you: each says why, and the way out.")
    return [*todo, *facts.to_see]


def _or_nothing(todo: list[str]) -> tuple[str, ...]:
    return tuple(todo) or ("Nothing.",)


def _many(count: int, one: str, more: str) -> str:
    return f"{count:,} {one if count == 1 else more}"


def _is_running(facts: Facts) -> bool:
    return facts.last_run is not None and facts.last_run.ended is None


def _added(facts: Facts) -> Step:
    title = "Connection added to Web Connector"
    if facts.too_old is not None and facts.last_seen_at is None:
        return Step("added", title, Tick.TROUBLE, facts.too_old)
    if not facts.has_called:
        said = "Add the connection file to Web Connector and run it once."
        return Step("added", title, Tick.NOW, said)
    return Step("added", title, Tick.DONE, "Web Connector has called.")


def _password(facts: Facts) -> Step:
    title = "Password right"
    if facts.refused_at is not None:
        (wrong,) = (one for one in facts.hinders if one.reason == "wrong_password")
        return Step("password", title, Tick.TROUBLE, _said(wrong))
    if facts.last_seen_at is None:
        said = "Type the password into Web Connector and press Enter."
        return Step("password", title, Tick.NOW, said)
    return Step("password", title, Tick.DONE)


def _file(facts: Facts) -> Step:
    title = "Company file recognised"
    if facts.file_name is None:
        said = "Open the company file in QuickBooks and press Update Selected."
        return Step("file", title, Tick.NOW, said)
    parts = [facts.file_name, facts.file_path or "", facts.product]
    return Step("file", title, Tick.DONE, ", ".join(part for part in parts if part))


def _permission(facts: Facts) -> Step:
    title = "Permission given in QuickBooks"
    if facts.file_name is None:
        return Step("permission", title, Tick.NOW)
    if not facts.automatic_login:
        return Step(
            "permission",
            title,
            Tick.REMARK,
            "It works only while QuickBooks is open. Choose Edit > Preferences > "
            "Integrated Applications > Company Preferences, select Mosaic, Properties, "
            "and allow it to log in automatically.",
        )
    if not facts.personal_data:
        return Step(
            "permission",
            title,
            Tick.REMARK,
            "QuickBooks does not show us personal data. Nothing of it is needed; if "
            "people's e-mail addresses are missing, allow it in the same place.",
        )
    return Step("permission", title, Tick.DONE, "Also while QuickBooks is not running.")


def _reads(facts: Facts) -> Step:
    title = "First reads"
    problems = [read for read in facts.reads if read.problem]
    left = [read for read in facts.reads if not read.is_done and not read.problem]
    if facts.file_name is None or not facts.reads or left:
        said = "QuickBooks is read: " + ", ".join(read.plural for read in left) + "."
        return Step("reads", title, Tick.NOW, said if left else "", by_itself=True)
    total = sum(read.count for read in facts.reads)
    said = f"{total:,} objects are known."
    if not facts.time_tracking:
        said += " Time tracking is switched off in QuickBooks: no time is read."
    if problems:
        said += f" {problems[0].plural.capitalize()}: {problems[0].problem}"
    remark = bool(problems) or not facts.time_tracking
    return Step("reads", title, Tick.REMARK if remark else Tick.DONE, said)


def _preview(facts: Facts) -> Step:
    title = "Preview ready"
    if not facts.has_mosaic_key:
        missing = [one for one in facts.hinders if one.reason == KEY_MISSING]
        said = " ".join(map(_said, missing))
        return Step("preview", title, Tick.TROUBLE, said)
    if facts.mosaic_read_at is None or not facts.mosaic_time_read:
        said = "Mosaic is being read."
        return Step("preview", title, Tick.NOW, said, by_itself=True)
    return Step("preview", title, Tick.DONE, "Both sides were read.")


def _live(facts: Facts) -> Step:
    title = "Live"
    if facts.mode == "live":
        return Step("live", title, Tick.DONE, "Both sides are kept in agreement.")
    if facts.mode == "paused":
        said = "This connection is paused: nothing is written on either side."
        return Step("live", title, Tick.TROUBLE, said)
    said = "Look at the preview, then go live."
    return Step("live", title, Tick.NOW, said)
