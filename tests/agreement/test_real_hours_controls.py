"""Negative controls: a wall that is taken away is found by the machine of real hours.

Each history is of the machine's own acts: the first that broke a promise at random,
made short by the machine itself. `make soak` looks for them anew.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import pytest

from tests.agreement.acts import history
from tests.agreement.house import MakeHouse
from tests.agreement.shrinking import broken
from tests.agreement.walls import WALLS
from tests.agreement.world import Act

MOST = 150
"""Histories within which each wall is missed."""
SOAK = int(os.environ.get("HISTORIES", "0")) >= 1000
FOUND: dict[str, tuple[str, Sequence[Act]]] = {
    "join": (
        "twice",
        (Act("enter in quickbooks", 4223, 7225, 4311), Act("twin", 2268, 5529, 6452)),
    ),
    "doubt": (
        "twice",
        (
            Act("enter in mosaic"),
            Act("computer off", 1),
            Act("answer lost", 1),
            Act("answer lost", 1),
            Act("run", 1),
        ),
    ),
    "equality": (
        "crossed",
        (
            Act("enter in quickbooks", 126, 7236, 2856),
            Act("twin", 8724, 9166, 250),
            Act("edit in mosaic", 3215, 2110, 8030),
            Act("twin", 9861, 5644, 5056),
            Act("twin", 6055, 5994, 7856),
        ),
    ),
    "words": (
        "",
        (
            Act("enter in quickbooks", 9552, 6883, 3684),
            Act("twin", 4554, 5842, 7823),
            Act("run", 2610, 2936, 5193),
            Act("apart", 1563, 6674, 9624),
        ),
    ),
    "gate": (
        "twice",
        (
            Act("enter in mosaic", 5709, 8116, 2084),
            Act("cut", 5881, 8370, 2128),
            Act("twin", 6946, 9500, 1252),
        ),
    ),
    "typed meanwhile": (
        "not asked",
        (
            Act("back up", 8141, 3399, 3697),
            Act("restore", 2027, 5778, 2686),
            Act("run", 361, 2891, 5475),
            Act("enter in quickbooks", 7770, 4110, 5720),
            Act("twin", 1658, 2306, 6291),
        ),
    ),
    "claims": (
        "crossed",
        (
            Act("two files"),
            Act("enter in quickbooks", 5149, 9917, 4123),
            Act("run", 3384, 1628, 3630),
            Act("computer off", 934, 3786, 7723),
            Act("whose", 9726, 5693, 1663),
        ),
    ),
    "whose hours": (
        "",
        (
            Act("two files"),
            Act("enter in quickbooks", 6422, 3652, 4052),
            Act("twin", 8053, 2059, 5007),
        ),
    ),
    "a restored file": (
        "on one side",
        (
            Act("back up", 1056, 2611, 8908),
            Act("enter in quickbooks", 8167, 6948, 407),
            Act("run", 402, 3381, 9040),
            Act("restore", 9518, 9187, 3137),
        ),
    ),
    "both stand": (
        "lost",
        (
            Act("enter in mosaic", 7500, 9320, 1131),
            Act("cut", 7189, 4531, 2351),
            Act("twin", 5815, 8875, 9559),
            Act("work", 7366, 2762, 9988),
            Act("delete in mosaic", 481, 8386, 2296),
        ),
    ),
}


@pytest.mark.parametrize("wall", FOUND)
def test_a_wall_that_is_taken_away_is_found(
    make_house: MakeHouse, monkeypatch: pytest.MonkeyPatch, wall: str
) -> None:
    """The same history keeps all promises with the wall, and breaks one without."""
    what, acts = FOUND[wall]
    assert broken(make_house, acts) == ""
    WALLS[wall](monkeypatch)
    found = broken(make_house, acts)
    assert found
    assert found.startswith(what)


@pytest.mark.skipif(not SOAK, reason="looks for long; see make soak")
@pytest.mark.parametrize("wall", WALLS)
def test_each_wall_is_missed_within_a_stated_number_of_histories(
    make_house: MakeHouse, monkeypatch: pytest.MonkeyPatch, wall: str
) -> None:
    """Else the machine is blind to it."""
    WALLS[wall](monkeypatch)
    assert any(
        broken(make_house, history(seed, 25)) for seed in range(5_000, 5_000 + MOST)
    )
