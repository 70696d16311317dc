"""The walls of the heart, each with a switch that takes it away.

Without a wall some history must break a promise: else the machine is blind to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest

from qbwc_server.kinds import edited, gate, identity, time_owner, tombstone
from qbwc_server.kinds.gate import Verdict
from qbwc_server.kinds.identity import Fate, Finding, Likeness
from qbwc_server.kinds.time_entry import FIELDS
from qbwc_server.kinds.tombstone import What
from qbwc_server.operations import database_restored
from qbwc_server.planning import time_copies, time_waits
from qbwc_server.planning.counterparts.pairs import Pairs
from qbwc_server.quickbooks.restores import numbers, signs
from qbwc_server.records.one_or_two import joined
from qbwc_server.storage import which_copy
from tests.agreement.situations import everywhere
from tests.agreement.test_controls import no_doubt

Off = Callable[[pytest.MonkeyPatch], None]


def no_join(patch: pytest.MonkeyPatch) -> None:
    """What both sides have is made on each other's side."""
    patch.setattr(Pairs, "partner", lambda *_: None)
    patch.setattr(gate, "likeness", lambda *_: Likeness.OTHER)


def any_is_equal(patch: pytest.MonkeyPatch) -> None:
    """How long it took is no part of what makes entries equal."""
    like = identity.likeness

    def likeness(one: Any, other: Any) -> Likeness:
        return like({**one, "minutes": 1}, {**other, "minutes": 1})

    everywhere(patch, like, likeness)


def no_words(patch: pytest.MonkeyPatch) -> None:
    """What a person said of two entries is forgotten."""
    paired = identity.pairs

    def pairs(here: Any, there: Any, _words: Any) -> dict[str, int]:
        return paired(here, there, MappingProxyType({}))

    everywhere(patch, paired, pairs)


def lost_is_not_made(patch: pytest.MonkeyPatch) -> None:
    """A creation whose answer was lost is never found among what was created since."""

    def never(doubts: Any, *_: Any) -> Any:
        return {one: Finding(Fate.NOT_SEEN) for one in doubts}

    everywhere(patch, identity.lost_creations, never)


def gate_is_open(patch: pytest.MonkeyPatch) -> None:
    """What is planned leaves, whatever happened since."""
    everywhere(patch, gate.into_quickbooks, lambda *_, **__: Verdict.GO)
    everywhere(patch, gate.back_into_quickbooks, lambda *_, **__: Verdict.GO)
    everywhere(patch, gate.quickbooks_was_read, lambda *_: True)
    everywhere(patch, gate.mosaic_was_read, lambda *_: True)


def not_shown_is_deleted(patch: pytest.MonkeyPatch) -> None:
    """What Mosaic does not show is deleted in QuickBooks at once."""
    patch.setattr(tombstone, "WAIT", timedelta())
    gone = {What.ASK, What.WAIT, What.LOOK}
    rules = tuple(
        replace(rule, what=What.DELETE_THERE) if rule.what in gone else rule
        for rule in tombstone.RULES
    )
    patch.setattr(tombstone, "RULES", rules)


def no_copies(patch: pytest.MonkeyPatch) -> None:
    """An equal entry that was typed while ours was made is not asked about."""
    everywhere(patch, identity.born_meanwhile, lambda *_: False)
    patch.setattr(time_copies, "held", lambda *_: None)


def the_later_is_guessed(patch: pytest.MonkeyPatch) -> None:
    """Of what both sides changed, Mosaic's is always taken for the later change."""
    everywhere(patch, edited.later, lambda _: dict.fromkeys(FIELDS, "mosaic"))


def whatever_was_read(patch: pytest.MonkeyPatch) -> None:
    """What is equal is joined, also if one of the two may be deleted by now."""
    everywhere(patch, gate.both_stand, lambda *_, **__: True)
    patch.setattr(joined, "never_stood", lambda *_: False)


def no_waits(patch: pytest.MonkeyPatch) -> None:
    """What is made on a side does not wait until that side was read to its day."""
    patch.setattr(time_waits.Waits, "for_reading", lambda *_: None)


def no_claims(patch: pytest.MonkeyPatch) -> None:
    """What a company file of a team has in Mosaic is any other one's too."""
    whose = time_owner.whose

    def of_nobody(me: int, _claim: Any, **known: Any) -> Any:
        return whose(me, None, **known)

    everywhere(patch, whose, of_nobody)


def whoever_is_first(patch: pytest.MonkeyPatch) -> None:
    """What several files of a team may have, the first that sees it takes."""
    whose = time_owner.whose

    def mine(me: int, claim: Any, **known: Any) -> Any:
        return whose(me, claim, **{**known, "said": me if known.get("able") else None})

    everywhere(patch, whose, mine)


def no_restore(patch: pytest.MonkeyPatch) -> None:
    """That a backup of the company file was put back is not noticed."""
    everywhere(patch, signs._same_moment, lambda *_: True)
    everywhere(patch, numbers.look_for_restore, lambda *_, **__: None)


def no_copy(patch: pytest.MonkeyPatch) -> None:
    """Nobody says or notices that our own database was put back."""
    patch.setattr(database_restored, "declare", lambda *_, **__: [])
    patch.setattr(which_copy, "_look", lambda *_: True)


WALLS: dict[str, Off] = {
    "join": no_join,
    "doubt": no_doubt,
    "equality": any_is_equal,
    "words": no_words,
    "lost creations": lost_is_not_made,
    "gate": gate_is_open,
    "tombstones": not_shown_is_deleted,
    "typed meanwhile": no_copies,
    "the later change": the_later_is_guessed,
    "both stand": whatever_was_read,
    "readings": no_waits,
    "claims": no_claims,
    "whose hours": whoever_is_first,
    "a restored file": no_restore,
    "our restored database": no_copy,
}
