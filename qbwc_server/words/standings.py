"""What a record needs, and of whom: the one rule that all counts and lists go by.

What waits for another record needs nobody by itself: the other one does, once, and not
with each of the thousand hours that wait for it. So time without a counterpart never
needs anybody: either its person, job or item does, or it rests where it is by rule.
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
    "locked": "waiting",
    "in_sync": "in_sync",
    "do_not_link": "left_out",
    "gone": "left_out",
}
_TIME: Final = "time_entry"
_LATER = "Please say what it is in Mosaic, or that it is not to be linked."
_WAITS = "Nothing to do here: it goes by itself once that is there."
_RESTS = "Nothing must be done. If it shall go over, mend what the reason names."


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a record stands: what it needs, who acts next, and what is to be done."""

    need: str
    title: str
    who: str
    do: str


def need(kind: str, state: str, *, waits: bool) -> str:
    """Return which of `NEEDS` a record is in; `waits` is for another record.

    Raises:
        KeyError: there is no such state.
    """
    if state == "unlinked":
        return "waiting" if waits or kind == _TIME else "needs_you"
    return _OF_STATE[state]


def standing(
    kind: str, state: str, *, waits: bool, choice: str | None = None
) -> Standing:
    """Say where a record stands; `choice` is what a person said of it.

    Raises:
        KeyError: there is no such state.
    """
    found = need(kind, state, waits=waits)
    do = words_of(kind, state).do
    if state == "unlinked" and waits:
        do = _WAITS
    elif state == "unlinked" and kind == _TIME:
        do = _RESTS
    elif state == "unlinked" and choice == "later":
        do = _LATER
    who = "customer" if found == "needs_you" else "nobody"
    return Standing(found, NEEDS[found], who, do)
