"""A message set of reads that QuickBooks refused, or answered unreadably.

Pure. Reads may be asked again, so such a set is made smaller until what it is about
stands alone, goes behind all others, and ends; whatever the code was. Rule: nothing is
blamed while QuickBooks answers nothing at all, for then it may be about everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile
from typing import Final

MOST_IN_A_ROW: Final = 3
"""Such sets after each other, after which a run ends: QuickBooks may be busy, or the
network spoil what passes. One bad read makes no more than two of them."""


class Do(StrEnum):
    """What becomes of the reads of such a set."""

    WAIT = "wait"
    """All go again as they were with the next run."""
    APART = "apart"
    """They go again in sets of half the size, behind those that had no trouble."""
    LAST = "last"
    """It goes again, after everything else that is to be asked."""
    FAIL = "fail"
    """It is the one; it is told by name."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Such a set: how many reads, and what else is known.

    `again` says that one of them had trouble before, `refused` that it is an HRESULT
    and no text that cannot be read, `tries_left` that the one read may be tried more.
    `answered` says of each earlier set of the session whether it was, the latest first.
    """

    many: int
    again: bool
    refused: bool
    tries_left: bool
    answered: tuple[bool, ...] = ()


def judge(trouble: Trouble) -> tuple[Do, bool]:
    """Return what becomes of the reads, and whether the run goes on."""
    others = any(trouble.answered)
    if trouble.many > 1:
        do = Do.APART if trouble.again or others else Do.WAIT
    elif trouble.refused:
        do = Do.FAIL if trouble.again and others else Do.LAST
    else:
        do = Do.LAST if trouble.tries_left else Do.FAIL
    return do, do is not Do.WAIT and goes_on(trouble.answered)


def goes_on(answered: tuple[bool, ...]) -> bool:
    """Tell whether a run goes on after one more set without an answer to use."""
    before = sum(1 for _ in takewhile(lambda one: not one, answered))
    return before + 1 < MOST_IN_A_ROW
