"""Which situations of the decision tables histories have reached, and how often.

A table that is data is counted line by line; a function whose answers have names is
counted by answer, wherever it was imported to. What was never reached is a hole in the
machine, not a rule that holds.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest

from qbwc_server.jobs import doubt
from qbwc_server.kinds import (
    edited,
    gate,
    identity,
    restored,
    time_owner,
    time_plan,
    tombstone,
    tries,
)
from qbwc_server.kinds.gate import Verdict
from qbwc_server.kinds.identity import Fate, Likeness
from qbwc_server.kinds.restored import Mark
from qbwc_server.kinds.time_owner import Origin, Whose
from qbwc_server.kinds.two_way import Do

_Answers = tuple[Callable[..., Any], Iterable[Any], Callable[[Any], Iterable[Any]]]


def _itself(answer: Any) -> Iterable[Any]:
    return (answer,)


def _fates(answer: Any) -> Iterable[Any]:
    return [finding.fate for finding in answer.values()]


def _doing(answer: Any) -> Iterable[Any]:
    return ("not of a restore" if answer is None else answer.do,)


def _sides(answer: Any) -> Iterable[Any]:
    return list(answer.values())


def _a_field(answer: Any) -> Iterable[Any]:
    return ("all but one field" if answer else "no",)


_YES_NO = (True, False)
_SAID = (Mark.LEFT, Mark.ADD, Mark.CHANGE, None)
_PLANNED = (Do.NOTHING, Do.ADD, Do.MOD, "not of a restore")
_ANSWERS: dict[str, _Answers] = {
    "identity: how alike": (identity.likeness, Likeness, _itself),
    "identity: a lost creation": (identity.lost_creations, Fate, _fates),
    "identity: may be lost": (identity.may_be_lost, _YES_NO, _itself),
    "identity: typed meanwhile": (identity.born_meanwhile, _YES_NO, _itself),
    "identity: came late": (identity.may_have_come_late, _YES_NO, _itself),
    "identity: the log says not made": (identity.log_says_not_made, _YES_NO, _itself),
    "identity: nearly equal": (
        identity.nearly,
        ("all but one field", "no"),
        _a_field,
    ),
    "claims: whose": (time_owner.whose, Whose, _itself),
    "claims: where from": (time_owner.origin, Origin, _itself),
    "restore: compared": (restored.after_compare, (*Mark, None), _itself),
    "restore: said": (restored.said, _SAID, _itself),
    "restore: planned": (restored.step, _PLANNED, _doing),
    "edited: the later": (edited.later, ("quickbooks", "mosaic"), _sides),
    "gate: into QuickBooks": (gate.into_quickbooks, Verdict, _itself),
    "gate: QuickBooks was read": (gate.quickbooks_was_read, _YES_NO, _itself),
    "gate: Mosaic was read": (gate.mosaic_was_read, _YES_NO, _itself),
    "gate: kept lately": (gate.is_fresh, _YES_NO, _itself),
    "tries: about the entry": (tries.is_about_the_entry, _YES_NO, _itself),
}


class Situations:
    """How often each situation was reached."""

    def __init__(self) -> None:
        self.reached: Counter[tuple[str, str]] = Counter()

    def note(self, table: str, situation: object, times: int = 1) -> None:
        """Count a situation; 0 times for one that there is."""
        self.reached[table, str(situation)] += times

    def never(self) -> list[tuple[str, str]]:
        """Return what no history has come upon."""
        return sorted(key for key, count in self.reached.items() if not count)

    def report(self) -> str:
        """Return all of them as a table in Markdown."""
        rows = [
            f"| {table} | {situation} | {count or '**never**'} |"
            for (table, situation), count in sorted(self.reached.items())
        ]
        return "\n".join(
            ["| table | situation | reached |", "|---|---|---|", *rows, ""]
        )


def everywhere(
    patch: pytest.MonkeyPatch, function: Callable[..., Any], new: Callable[..., Any]
) -> None:
    """Put a function in another's place in every module that has imported it."""
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("qbwc_server."):
            for name, value in list(vars(module).items()):
                if value is function:
                    patch.setattr(module, name, new)


@contextmanager
def watched() -> Iterator[Situations]:
    """Count while histories are played."""
    found = Situations()
    with mock.patch.multiple(
        tombstone, RULES=tuple(_counted(rule, found) for rule in tombstone.RULES)
    ):
        branches = {
            parts: _branch(f"{parts[0]}, {parts[1]}", plan, found)
            for parts, plan in time_plan.BRANCHES.items()
        }
        with (
            mock.patch.object(time_plan, "BRANCHES", branches),
            mock.patch.object(doubt, "STEPS", _Steps(doubt.STEPS, found)),
            _answers(found),
        ):
            yield found


def _counted(rule: Any, found: Situations) -> Any:
    found.note("tombstone", rule.told, 0)

    def holds(facts: Any) -> bool:
        does = bool(rule.holds(facts))
        found.note("tombstone", rule.told, int(does))
        return does

    return replace(rule, holds=holds)


def _branch(told: str, plan: Callable[..., Any], found: Situations) -> Any:
    found.note("plan", told, 0)

    def counted(*given: Any) -> Any:
        found.note("plan", told)
        return plan(*given)

    return counted


class _Steps(dict[Any, Any]):
    def __init__(self, steps: Any, found: Situations) -> None:
        super().__init__(steps)
        self._found = found
        for key in steps:
            found.note("a lost write to QuickBooks", self._told(key), 0)

    def __getitem__(self, key: Any) -> Any:
        self._found.note("a lost write to QuickBooks", self._told(key))
        return super().__getitem__(key)

    @staticmethod
    def _told(key: Any) -> str:
        question, heard, unreadable = key
        return f"{question}, {heard}{', unreadable before' if unreadable else ''}"


@contextmanager
def _answers(found: Situations) -> Iterator[None]:
    """Have functions counted in every module that has imported them."""
    with pytest.MonkeyPatch.context() as patch:
        for table, (function, answers, named) in _ANSWERS.items():
            for answer in answers:
                found.note(table, answer, 0)
            everywhere(patch, function, _answered(table, function, named, found))
        yield


def _answered(
    table: str,
    function: Callable[..., Any],
    named: Callable[[Any], Iterable[Any]],
    found: Situations,
) -> Callable[..., Any]:
    def counted(*given: Any, **also: Any) -> Any:
        answer = function(*given, **also)
        for one in named(answer):
            found.note(table, one)
        return answer

    return counted
