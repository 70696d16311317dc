"""Negative controls: a wall that is switched off is found by the machine of real hours.

Each history is one that the machine came upon at random and made short itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from qbwc_server.kinds import gate, identity
from qbwc_server.kinds.identity import Fate, Finding, Likeness
from qbwc_server.planning import time_joins, time_steps
from qbwc_server.quickbooks import write_gate
from tests.agreement.test_controls import no_doubt, no_reservation

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


WALLS: dict[str, Off] = {
    "join": no_join,
    "equality": anybody,
    "lost post": any_candidate,
    "look": no_look,
    "doubt": no_doubt,
    "reservation": no_reservation,
}
