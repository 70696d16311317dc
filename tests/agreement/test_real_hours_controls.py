"""Negative controls: a wall that is switched off is found by the machine of real hours.

Each history is of the machine's own acts: the first it came upon at random, as the
third history, and made short itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from qbwc_server.kinds import gate
from qbwc_server.kinds.identity import Likeness
from qbwc_server.planning.counterparts.pairs import Pairs
from tests.agreement.house import MakeHouse
from tests.agreement.shrinking import broken
from tests.agreement.test_controls import no_doubt
from tests.agreement.world import Act

Off = Callable[[pytest.MonkeyPatch], None]


def no_join(patch: pytest.MonkeyPatch) -> None:
    """What both sides have is made on each other's side."""
    patch.setattr(Pairs, "partner", lambda *_: None)
    patch.setattr(gate, "likeness", lambda *_: Likeness.OTHER)


CONTROLS: list[tuple[str, Off, str, Sequence[Act]]] = [
    (
        "join",
        no_join,
        "twice",
        (Act("enter in quickbooks", 4412, 423, 1010), Act("twin", 3394, 2949, 1807)),
    ),
    (
        "doubt",
        no_doubt,
        "twice",
        (
            Act("enter in mosaic"),
            Act("computer off", 1),
            Act("answer lost", 1),
            Act("answer lost", 1),
            Act("run", 1),
        ),
    ),
]


@pytest.mark.parametrize(
    ("off", "what", "acts"),
    [pytest.param(*control[1:], id=control[0]) for control in CONTROLS],
)
def test_a_wall_that_is_switched_off_is_found(
    make_house: MakeHouse,
    monkeypatch: pytest.MonkeyPatch,
    off: Off,
    what: str,
    acts: Sequence[Act],
) -> None:
    """The same history keeps all promises with the wall, and breaks one without."""
    assert broken(make_house, acts) == ""
    off(monkeypatch)
    assert broken(make_house, acts).startswith(what)
