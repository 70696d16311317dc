"""Asking Mosaic for time entries by their numbers, whichever way it answers. Pure.

Where one of the numbers is not there, Mosaic may leave it out, or refuse the whole
question. Then the missing ones are looked for, with few questions.

Rule: a refusal says that an entry is not there only if the entry was asked for alone
and an entry that is known to be there was answered in the same pass. Mosaic may as well
not take such questions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, TypeAlias

ASKED_AT_ONCE = 100
"""Numbers in one question."""
MOST_QUESTIONS = 10
"""Questions to find out which numbers are missing, after some were refused."""

Body: TypeAlias = dict[str, Any]
Ask: TypeAlias = Callable[[Sequence[int]], Iterable[Body] | None]
"""Asks for numbers; None if Mosaic refuses the question."""


@dataclass(slots=True)
class Found:
    """What Mosaic said of some numbers.

    `bodies` are there, `absent` are certainly not. `unsure` are neither, and are asked
    for again another time; `refused` are those of them that were asked for alone.
    """

    bodies: dict[int, Body] = field(default_factory=dict)
    absent: set[int] = field(default_factory=set)
    unsure: set[int] = field(default_factory=set)
    refused: set[int] = field(default_factory=set)

    def seen(self, bodies: Iterable[Body]) -> None:
        """Take unsure ones as there that the list of their day shows."""
        for body in bodies:
            if body["mosaic_id"] in self.unsure:
                self.bodies[body["mosaic_id"]] = body
        self.unsure -= self.bodies.keys()
        self.refused -= self.bodies.keys()


def find(
    ask: Ask,
    wanted: Iterable[int],
    witnesses: Callable[[AbstractSet[int]], Sequence[int]],
) -> Found:
    """Ask for numbers.

    Args:
        ask: Asks Mosaic; what it raises passes through.
        wanted: The numbers.
        witnesses: Gives numbers that are known to be there, but for those given to it;
            called only where a refusal needs one.
    """
    numbers = sorted(set(wanted))
    search = _Search(ask)
    refused = [
        part
        for start in range(0, len(numbers), ASKED_AT_ONCE)
        if not search.asked(part := numbers[start : start + ASKED_AT_ONCE])
    ]
    search.questions = MOST_QUESTIONS
    for part in refused:
        search.missing_of(part)
    found, alone = search.found, search.alone
    if alone and not found.bodies:
        others = witnesses(set(numbers))
        witnessed = any(search.answers_for(one) for one in others)
    else:
        witnessed = bool(found.bodies)
    if witnessed:
        found.absent |= alone
    else:
        found.refused |= alone
    found.unsure = set(numbers) - found.bodies.keys() - found.absent
    return found


class _Search:
    """Looks for what is missing; `questions` is how many may still be asked."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self.questions = 0
        self.found = Found()
        self.alone: set[int] = set()

    def asked(self, part: Sequence[int]) -> bool:
        """Ask for numbers at once; False if that was refused."""
        self.questions -= 1
        bodies = self._ask(part)
        if bodies is None:
            self.alone |= set(part) if len(part) == 1 else set()
            return False
        # A server that ignores the filter would show everything.
        shown = {one["mosaic_id"]: one for one in bodies if one["mosaic_id"] in part}
        self.found.bodies |= shown
        self.found.absent |= set(part) - shown.keys()
        return True

    def answers_for(self, number: int) -> bool:
        """Tell whether Mosaic shows an entry that is known to be there."""
        return any(one["mosaic_id"] == number for one in self._ask([number]) or ())

    def missing_of(self, part: Sequence[int]) -> None:
        """Find what is missing of numbers that were refused together."""
        while (left := self._unknown(part)) and self.questions > 0:
            if len(left) <= self.questions:
                for number in left:
                    self.asked([number])
                return
            self._one_missing(left)
            left = self._unknown(left)
            if left and self.questions > 0:
                self.asked(left)

    def _one_missing(self, suspects: Sequence[int]) -> None:
        """Halve numbers that were refused together until one is left."""
        while self.questions > 0:
            half = suspects[: len(suspects) // 2] or suspects
            suspects = suspects[len(half) :] if self.asked(half) else half
            if not suspects or self.alone.intersection(suspects):
                return

    def _unknown(self, part: Sequence[int]) -> list[int]:
        known = self.found.bodies.keys() | self.found.absent | self.alone
        return [one for one in part if one not in known]
