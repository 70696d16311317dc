"""Whether two deletions, one on each side, meant one of two equal hours. Pure.

Equal hours stand in pairs, and nobody sees which is paired with which. Somebody who
takes one away on each side may hit two pairs; both deletions carried over, none would
be left. So before one is carried over, an equal entry that was lost on the other side
is looked for: as equal entries are counted when they are made, they are here.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from qbwc_server.kinds.tombstone import WAIT, Stone, Who, Word

SOMEBODY = frozenset({Who.PERSON, Who.NOT_SHOWN})
"""Who took an entry away that was neither we nor a restored backup."""


class Step(StrEnum):
    """What is done instead of carrying a deletion over."""

    CARRY = "the deletion is carried over"
    JOIN = "the two that stand are joined, and nothing is deleted"
    WAIT = "waits until that is known"
    ASK = "asked"


def step(
    lost_at: datetime,
    there: Stone | None,
    here: Stone | None,
    now: datetime,
    *,
    counts: bool = True,
    busy: bool = False,
) -> Step:
    """Return what an equal entry of that person and day means for a deletion.

    Args:
        lost_at: when the entry was lost that is to be deleted on the other side.
        there: who took the equal one away on that other side, None if nobody did.
        here: who took the equal one away on this side; None: it still stands here.
        now: the time.
        counts: whether it counts as lost there; else a single read has missed it.
        busy: whether something is on its way about the equal one.
    """
    if there is None or there.who not in SOMEBODY:
        return Step.CARRY
    if there.back or there.word is Word.STAYS:
        return Step.CARRY
    if here is None:
        if not counts:
            return Step.WAIT if now < there.at + WAIT else Step.CARRY
        return Step.WAIT if busy else Step.JOIN
    carried = counts and here.who is Who.OURS
    return Step.ASK if carried and here.at > lost_at - WAIT else Step.CARRY
