"""Why the hours of an entry differ on the two sides, and who must act. Pure.

`reason` is total: whatever differs has one, and what nothing of ours explains is
support's. The view `support_hours` says the same, which a test holds it to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from qbwc_server.kinds.restored import ASKED, Mark
from qbwc_server.words.hours import who as who_of

SAME: Final = "same"
DECIDED: Final = frozenset(
    {SAME, "one_way", "left_before_live", "left_out", "left"},
)
"""Nothing is missing: both have it, or a person or a setting said that one has not."""
_AWAITED: Final = {
    **dict.fromkeys(("employee", "vendor", "other_name"), "person"),
    **dict.fromkeys(("customer", "project", "phase"), "job"),
    **dict.fromkeys(("service_item", "standard_work_category"), "item"),
}
_BEFORE_LIVE: Final = "company:before-live"
_ARRIVED: Final = frozenset({"pending", "in_sync"})


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an entry.

    `differs` says whether its hours differ anywhere: in minutes, day, person or job.
    `awaited` is the state of the record that `waits_for` names. `hinders` is what keeps
    the whole connection from going on, see `hindrance`; `failed` that a piece of work
    about the entry failed. `early` says that Mosaic had it before going live, `stays`
    that a person left it where an old link led to.
    """

    state: str
    differs: bool = True
    unread: bool = False
    restored: str | None = None
    fails: bool = False
    waits_for: str | None = None
    awaited: str | None = None
    only_mosaic: bool = False
    two_way: bool = True
    before_live: str = "add"
    early: bool = True
    stays: bool = False
    hinders: str | None = None
    failed: bool = False


def hindrance(
    mode: str, *, late: bool, stopping: bool, attention_who: str | None
) -> str | None:
    """Return what keeps a connection from going on, None if nothing does.

    `mode` is as `reasons.told_mode` has it.
    `attention_who` acts on what the connection asks for, None where it asks nothing.
    """
    if mode != "live":
        return mode
    if late:
        return "late"
    return "stopped" if stopping or attention_who not in {None, "nobody"} else None


def reason(facts: Facts) -> str:
    """Return why the hours of an entry differ; see `words.hours`."""
    if facts.unread and facts.state not in {"gone", "do_not_link"}:
        return "unread"
    if not facts.differs:
        return SAME
    if facts.state == "do_not_link":
        return "left_out"
    if facts.restored in ASKED and facts.state != "gone":
        return "restored"
    match facts.state:
        case "conflict" | "locked":
            return facts.state
        case "refused":
            return _refused(facts)
        case "unlinked":
            return _unlinked(facts)
        case "pending":
            return _under_way(facts)
        case "in_sync" if facts.stays:
            return "left"
    return "unexplained"


def who(reason: str, attention_who: str | None = None) -> str:
    """Return who acts next; a stop is never nobody's."""
    if reason != "stopped":
        return who_of(reason)
    return "support" if attention_who in {None, "nobody"} else attention_who


def _refused(facts: Facts) -> str:
    if facts.restored == Mark.COPY:
        return "perhaps_known"
    if facts.fails:
        return "fails"
    return "before_live" if facts.waits_for == _BEFORE_LIVE else "refused"


def _unlinked(facts: Facts) -> str:
    if facts.only_mosaic and not facts.two_way:
        return "one_way"
    waits = facts.waits_for
    left = facts.before_live == "leave" and facts.early
    if facts.only_mosaic and waits is None and left:
        return "left_before_live"
    if facts.awaited in _ARRIVED:
        return _under_way(facts)
    return _AWAITED.get((waits or "").partition(":")[0], "cannot_go")


def _under_way(facts: Facts) -> str:
    return facts.hinders or ("failed" if facts.failed else "on_its_way")
