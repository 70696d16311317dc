"""Whatever people do, each real hour is once on both sides, or it is told why not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.agreement.acts import history
from tests.agreement.house import MakeHouse
from tests.agreement.replaying import replay
from tests.agreement.shrinking import broken, told
from tests.agreement.situations import watched
from tests.agreement.world import Act

HISTORIES = int(os.environ.get("HISTORIES", "100"))
SEED = int(os.environ.get("SEED", "1"))
REPORT = os.environ.get("REAL_HOURS_REPORT")
PARTS = 10
LENGTH = 25


@pytest.mark.parametrize("part", range(PARTS))
def test_each_real_hour_is_once_on_both_sides(make_house: MakeHouse, part: int) -> None:
    """One that is broken is told by its seed and the few acts that it takes.

    HISTORIES says how many in all, SEED which, REAL_HOURS_REPORT where it is told which
    situations of the decision tables they reached, a file for each part.
    """
    count = max(1, HISTORIES // PARTS)
    first = SEED * 100_000 + part * count
    with watched() as situations:
        for seed in range(first, first + count):
            acts = history(seed, LENGTH)
            if broken(make_house, acts):
                pytest.fail(told(make_house, seed, acts), pytrace=False)
    if REPORT is not None:
        path = Path(REPORT)
        path.with_stem(f"{path.stem}-{part}").write_text(situations.report(), "utf-8")


def test_what_a_history_comes_upon_is_counted(make_house: MakeHouse) -> None:
    """One entry that goes over meets few rows of the tables, and these are named."""
    acts = (Act("enter in quickbooks"), Act("run", 1), Act("run", 1))
    with watched() as situations:
        assert broken(make_house, acts) == ""
    assert situations.reached["plan", "same, absent"] == 0
    assert situations.reached["plan", "changed, absent"] > 0
    assert situations.reached["gate: Mosaic was read", "True"] > 0
    assert ("identity: a lost creation", "made") in situations.never()
    assert "| plan | deleted, deleted | **never** |" in situations.report()


def test_each_real_hour_is_there_on_postgresql_too(
    make_house_in_postgres: MakeHouse,
) -> None:
    """A few histories with the other database; the first is of two company files."""
    first = 3 * SEED * 100_000
    for seed in range(first, first + max(1, HISTORIES // 50)):
        assert not broken(make_house_in_postgres, history(seed, LENGTH)), f"seed {seed}"


def test_a_seed_is_a_history() -> None:
    """The same seed gives the same acts, so that a failing one can be played again."""
    assert history(7, LENGTH) == history(7, LENGTH)
    assert history(7, LENGTH) != history(8, LENGTH)


@pytest.mark.parametrize("seed", [7, 8, 9])
def test_a_history_that_is_played_again_is_the_same_to_the_byte(
    make_house: MakeHouse, seed: int
) -> None:
    """Each request, each answer, each row: whatever failed can be looked at again."""
    first = replay(make_house, seed, history(seed, LENGTH))
    again = replay(make_house, seed, history(seed, LENGTH))
    assert len(first) > LENGTH
    different = [pair for pair in zip(first, again, strict=False) if pair[0] != pair[1]]
    assert different[:1] == []
    assert len(first) == len(again)
    other = replay(make_house, seed + 100, history(seed, LENGTH))
    assert other != first
