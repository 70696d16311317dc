"""Which of some numbers are in Mosaic, however it answers for those that are not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from qbwc_server.mosaic_reading.by_number import MOST_QUESTIONS, Found, find


class Asked:
    """A Mosaic that has some numbers; it refuses a question for one that it has not."""

    def __init__(self, there: Iterable[int], *, refuses: bool = True) -> None:
        self.there = set(there)
        self.refuses = refuses
        self.questions: list[list[int]] = []

    def __call__(self, numbers: Sequence[int]) -> list[dict[str, Any]] | None:
        """Answer a question."""
        self.questions.append(list(numbers))
        if self.refuses and not set(numbers) <= self.there:
            return None
        return [{"mosaic_id": one} for one in numbers if one in self.there]


def asked(mosaic: Asked, wanted: Iterable[int], witnesses: Sequence[int] = ()) -> Found:
    """Ask for numbers; only these others are known to be there."""
    return find(
        mosaic, wanted, lambda but: [one for one in witnesses if one not in but]
    )


FIVE, HUNDRED = range(1, 6), range(1, 101)
CASES: dict[str, tuple[Iterable[int], set[int], list[int], set[int], set[int]]] = {
    # name: wanted, missing, known to be there, then absent, then unsure
    "nothing": ([], set(), [], set(), set()),
    "all there": (FIVE, set(), [], set(), set()),
    "one of five": (FIVE, {3}, [], {3}, set()),
    "four of five": (FIVE, {1, 2, 3, 4}, [], {1, 2, 3, 4}, set()),
    "the only one, another answers": ([1], {1}, [900], {1}, set()),
    "the only one, the other is gone too": ([1], {1, 900}, [900], set(), {1}),
    "the only one, a third answers": ([1], {1, 900}, [900, 901], {1}, set()),
    "the only one, and no other": ([1], {1}, [], set(), {1}),
    "all of five, another answers": (FIVE, set(FIVE), [900], set(FIVE), set()),
    "all of five, and no other": (FIVE, set(FIVE), [], set(), set(FIVE)),
    "the first of a hundred": (HUNDRED, {1}, [], {1}, set()),
    "one of a hundred": (HUNDRED, {57}, [], {57}, set()),
    "the last of a hundred": (HUNDRED, {100}, [], {100}, set()),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_missing_is_found_with_few_questions(case: str) -> None:
    """A refusal counts only beside an entry that was answered."""
    wanted, missing, witnesses, absent, unsure = CASES[case]
    mosaic = Asked({*range(1, 101), 900, 901} - missing)

    found = asked(mosaic, wanted, witnesses)

    assert (found.absent, found.unsure) == (absent, unsure)
    assert set(found.bodies) == set(wanted) - absent - unsure
    assert len(mosaic.questions) <= 1 + MOST_QUESTIONS + len(witnesses)


@pytest.mark.parametrize("case", CASES)
def test_a_mosaic_that_leaves_out_what_is_missing_is_asked_once(case: str) -> None:
    """Then its silence is the answer."""
    wanted, missing, witnesses, *_ = CASES[case]
    mosaic = Asked({*range(1, 101), 900, 901} - missing, refuses=False)

    found = asked(mosaic, wanted, witnesses)

    assert (found.absent, found.unsure) == (set(wanted) & missing, set())
    assert len(mosaic.questions) <= 1


def test_more_missing_ones_than_can_be_found_are_unsure_and_not_gone() -> None:
    """No more is asked than a few questions, and each time some are found."""
    mosaic = Asked([*range(81, 101), 900])

    found = asked(mosaic, HUNDRED, [900])

    assert len(mosaic.questions) <= 1 + MOST_QUESTIONS + 1
    assert found.absent <= set(range(1, 81))
    assert found.unsure.isdisjoint(found.bodies.keys() | found.absent)
    assert found.bodies.keys() | found.absent | found.unsure == set(HUNDRED)
    again = asked(mosaic, found.unsure, [900])
    assert len(again.unsure) < len(found.unsure)


def test_three_questions_share_what_may_be_asked_to_find_missing_ones() -> None:
    """Forged callbacks may name any number."""
    mosaic = Asked([900])

    found = asked(mosaic, range(1, 301), [900])

    assert len(mosaic.questions) <= 3 + MOST_QUESTIONS + 1
    assert found.absent <= set(range(1, 301))


def test_an_entry_that_its_days_list_shows_is_there() -> None:
    """However its question was refused."""
    found = asked(Asked([]), [1, 2])
    found.seen([{"mosaic_id": 1}, {"mosaic_id": 7}])

    assert set(found.bodies) == {1}
    assert found.unsure == found.refused == {2}
