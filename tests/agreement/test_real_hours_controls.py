"""Negative controls: a wall that is switched off is found by the machine of real hours.

Each history is of the machine's own acts: the first two it came upon at random, within
three histories, and made short itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from qbwc_server.kinds import gate, identity
from qbwc_server.kinds.identity import Fate, Finding, Likeness
from qbwc_server.planning import time_joins, time_steps
from qbwc_server.quickbooks import write_gate
from tests.agreement.acts import Act
from tests.agreement.house import MakeHouse
from tests.agreement.shrinking import broken
from tests.agreement.test_controls import no_doubt

Off = Callable[[pytest.MonkeyPatch], None]


def no_join(patch: pytest.MonkeyPatch) -> None:
    """What both sides have is made on each other's side."""
    patch.setattr(time_steps, "join_before_create", lambda *_, **__: None)
    patch.setattr(time_steps, "join_before_add", lambda *_, **__: None)
    patch.setattr(gate, "likeness", lambda *_: Likeness.OTHER)


def anybody(patch: pytest.MonkeyPatch) -> None:
    """An equal entry of anybody on any job is the same."""
    full = identity.likeness

    def loose(one: Any, two: Any) -> Likeness:
        like = {name: two.get(name) for name in ("person", "job", "item")}
        return full({**one, **like}, {**two, **like})

    for module in (identity, gate, time_joins):
        patch.setattr(module, "likeness", loose)


def any_candidate(patch: pytest.MonkeyPatch) -> None:
    """A lost creation is whatever was made since, by whomever."""

    def guess(doubts: Any, bodies: Any) -> dict[Any, Finding]:
        numbers = [int(one["mosaic_id"]) for one in bodies]
        return {
            key: Finding(Fate.MADE, (numbers.pop(0),))
            if numbers
            else Finding(Fate.NOT_SEEN)
            for key in doubts
        }

    patch.setattr(identity, "lost_creations", guess)


def no_look(patch: pytest.MonkeyPatch) -> None:
    """What is to be changed in QuickBooks is not looked at before."""
    patch.setattr(write_gate, "look_first", lambda *_: False)


CONTROLS: list[tuple[str, Off, str, Sequence[Act]]] = [
    (
        "join",
        no_join,
        "twice",
        (Act("enter in quickbooks", 4412, 423, 1010), Act("twin", 3394, 2949, 1807)),
    ),
    (
        "equality",
        anybody,
        "crossed",
        (Act("enter in quickbooks", 4412, 423, 1010), Act("colleague", 752, 9067)),
    ),
    (
        "lost post",
        any_candidate,
        "crossed",
        (
            Act("ways"),
            Act("post fails before"),
            Act("enter in quickbooks"),
            Act("run"),
            Act("enter in mosaic", 1),
            Act("run", 2),
        ),
    ),
    (
        "look",
        no_look,
        "lost",
        (
            Act("enter in quickbooks"),
            Act("run", 1),
            Act("delete in mosaic"),
            Act("computer off", 1),
            Act("meanwhile", 5, 2, 70),
            Act("run"),
        ),
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
