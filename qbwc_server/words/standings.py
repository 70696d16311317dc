"""What a record needs, and of whom: the one rule that all counts and lists go by.

What waits for another record needs nobody by itself: the other one does, once, and not
with each of the thousand hours that wait for it. So time without a counterpart never
needs anybody: either its person, job or item does, or it rests where it is by rule.

Rule: `needs_you` is what the customer acts on, and nothing else. What our program or
Mosaic fails on waits for us.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from qbwc_server.words.states import state as words_of

NEEDS: Final = {
    "needs_you": "Needs you",
    "on_its_way": "On its way",
    "waiting": "Waiting",
    "in_sync": "In sync",
    "left_out": "Left out",
}
"""What a person sees of a record's state, in the order of pages, with its title."""
_OF_STATE: Final = {
    "conflict": "needs_you",
    "refused": "needs_you",
    "pending": "on_its_way",
    "locked": "needs_you",
    "in_sync": "in_sync",
    "do_not_link": "left_out",
    "gone": "left_out",
}
_OF_RESTORED: Final = {
    (True, "refused"): "perhaps_known",
    (False, "refused"): "restored",
    (False, "gone"): "left",
}
"""How it is told more closely, by whether our own database was put back, and state."""
_ACTS: Final = {
    "unread": "support",
    "waits": "nobody",
    "unplaced": "customer",
    "later": "customer",
    "restored": "customer",
    "perhaps_known": "customer",
    "left": "nobody",
    "fails": "support",
}
_OURS: Final = frozenset({"unread", "fails"})
_TIME: Final = "time_entry"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a record stands: what it needs, why, who acts next, and what to do."""

    need: str
    title: str
    why: str
    who: str
    do: str
    is_held: bool = False
    """Whether its company keeps it from going on; `why` tells then of that."""


def need(kind: str, state: str, *, waits: bool, ours: bool = False) -> str:
    """Return which of `NEEDS` a record is in; `waits` is for another record.

    `ours` says that what is refused is so by a fault of our program or of Mosaic.

    Raises:
        KeyError: there is no such state.
    """
    if state == "unlinked":
        return "waiting" if waits or kind == _TIME else "needs_you"
    if state == "refused" and ours:
        return "waiting"
    return _OF_STATE[state]


def standing(
    kind: str,
    state: str,
    *,
    waits: bool,
    choice: str | None = None,
    restored: str | None = None,
    unread: str | None = None,
    fails: bool = False,
    only_mosaic: bool = False,
    held_by: tuple[str, str, str] | None = None,
) -> Standing:
    """Say where a record stands; `choice` is what a person said of it.

    `restored` is what a restored backup did to it (`kinds.restored`), `unread` why its
    newest form could not be read, `fails` whether Mosaic failed on it too often, and
    `only_mosaic` that QuickBooks has none of it, where nothing makes what it waits for.
    `held_by` is why its company does not go on, who acts on that and what he does: what
    is on its way waits for it.

    Raises:
        KeyError: there is no such state.
    """
    name = state
    if state == "unlinked" and waits:
        name = "unplaced" if kind == _TIME and only_mosaic else "waits"
    elif state == "unlinked" and choice == "later":
        name = "later"
    elif unread is not None and state == "refused":
        name = "unread"
    elif restored is not None:
        name = _OF_RESTORED.get((restored == "copy", state), state)
    elif state == "refused" and fails:
        name = "fails"
    found = need(kind, state, waits=waits, ours=name in _OURS)
    if held_by is not None and state == "pending":
        why, acts, do = held_by
        waits_for = f"It waits: {why}"
        return Standing(found, NEEDS[found], waits_for, acts, do, is_held=True)
    told = words_of(kind, name)
    return Standing(found, NEEDS[found], told.happened, who(kind, name), told.do)


def who(kind: str, name: str) -> str:
    """Return customer, support or nobody, who acts next; `name` is as it is told."""
    if name in _ACTS:
        return _ACTS[name]
    acts = need(kind, name, waits=False) == "needs_you"
    return "customer" if acts else "nobody"
