"""What is done about a time entry that a side does not have any more, or has again.

Pure. A tombstone says who took an entry away on a side, when, and its last values.
`RULES` is the whole table, read from its top: the first rule that holds decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, Self, TypeAlias

Side: TypeAlias = Literal["quickbooks", "mosaic"]
WAIT = timedelta(days=1)
"""How long what Mosaic only does not show may come back before anything follows."""
ASKED_LATELY = timedelta(hours=1)
"""How long an answer counts that Mosaic gave when it was asked for the number."""
MOST_TRIES = 3
"""How often our own deletion is sent to an entry that is still there."""


class Who(StrEnum):
    """Who took an entry away on a side."""

    PERSON = "person"
    """QuickBooks lists the deletion, or does not know the TxnID when asked."""
    OURS = "ours"
    DOUBLE = "double"
    RESTORE = "restore"
    NOT_SHOWN = "not shown"
    """All that Mosaic can say, by list, number and callback alike."""


class Word(StrEnum):
    """What a person said of an entry that is not there, or is there again."""

    DELETED = "deleted"
    STAYS = "stays"


class What(StrEnum):
    """What is done; `THERE` is the other side than the one that lost the entry."""

    NOTHING = "nothing"
    WAIT = "wait"
    LOOK = "look again"
    DELETE_THERE = "delete there"
    MAKE_AGAIN = "make again there"
    SEND_AGAIN = "send the deletion again"
    ASK = "ask"


@dataclass(frozen=True, slots=True)
class Stone:
    """A side's tombstone of an entry.

    `at` is when it was first not shown, or when the outcome of our deletion was known;
    `asked_at` when Mosaic last did not show it, asked for its number. `back` says that
    the side shows it again, `missed` whether a complete read that began after `at` had
    not shown it before. `tries` counts deletions that were sent again. `took` is the
    record of the entry that took its place. `word` is what a person says of it as it is
    now, `said` what was said of it while it was not shown: that is used up.
    """

    who: Who
    at: datetime
    last: Mapping[str, Any] | None = None
    asked_at: datetime | None = None
    back: bool = False
    missed: bool = False
    tries: int = 0
    took: int | None = None
    word: Word | None = None
    said: Word | None = None

    def kept(self) -> dict[str, Any]:
        """Return it as it is kept on the record."""
        return {
            "who": self.who.value,
            "at": self.at.isoformat(),
            "last": self.last,
            "asked_at": None if self.asked_at is None else self.asked_at.isoformat(),
            "back": self.back,
            "missed": self.missed,
            "tries": self.tries,
            "took": self.took,
            "word": None if self.word is None else self.word.value,
            "said": None if self.said is None else self.said.value,
        }

    @classmethod
    def of(cls, gone: Mapping[str, Any] | None, side: Side) -> Self | None:
        """Return a side's tombstone from what a record keeps of both."""
        kept = (gone or {}).get(side)
        if not kept:
            return None
        asked, word, said = (kept.get(one) for one in ("asked_at", "word", "said"))
        return cls(
            Who(kept["who"]),
            datetime.fromisoformat(kept["at"]),
            kept.get("last"),
            None if asked is None else datetime.fromisoformat(asked),
            back=bool(kept.get("back")),
            missed=bool(kept.get("missed")),
            tries=int(kept.get("tries") or 0),
            took=kept.get("took"),
            word=None if word is None else Word(word),
            said=None if said is None else Word(said),
        )

    def shown(self, *, missed: bool) -> Self:
        """Return it for an entry that is shown again; `missed` by a complete read.

        A word was for what was not shown; of what is there again nobody has said it.
        """
        return replace(
            self,
            back=True,
            missed=self.missed or missed,
            word=None,
            said=self.word or self.said,
        )

    def aged(self, now: datetime) -> bool:
        """Tell whether it had a day to come back."""
        return now >= self.at + WAIT

    def asked(self, now: datetime) -> bool:
        """Tell whether Mosaic was asked for the number after that day, and lately."""
        return self.asked_at is not None and self.asked_at >= max(
            self.at + WAIT, now - ASKED_LATELY
        )

    def to_be_asked_for(self, now: datetime) -> bool:
        """Tell whether its number is asked for before anything follows from it."""
        waits = self.who is Who.NOT_SHOWN and self.word is None and not self.back
        return waits and self.aged(now) and not self.asked(now)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an entry that a side (here) lost.

    `other` is who took it away on the other side (there), None if it is there. `back`
    says that it is here again, `missed` that a complete read had not shown it that
    began after our own deletion's outcome was known; `as_known` that it is as the
    deletion knew it, `spent` that the deletion was sent as often as it may be. `equal`
    says that an equal entry of that person and day was born since, or took its place.
    `aged`, `asked` and `hidden` are about what Mosaic only does not show: a day has
    passed, its number was asked for after that, and something else says that it may
    only be hidden. `crossed` says that somebody deleted an equal one there, and that
    this was carried over to here (`kinds.crossed`); or that it was deleted there itself
    and is there again, and that an equal one has its entry here. `unseen`: it was taken
    for one with the other side's by being equal, and not shown here since.
    `said_deleted`: a person had said so before it was back; `word`: what he says now.
    """

    who: Who
    other: Who | None = None
    back: bool = False
    missed: bool = False
    as_known: bool = True
    spent: bool = False
    equal: bool = False
    aged: bool = False
    asked: bool = False
    hidden: bool = False
    crossed: bool = False
    unseen: bool = False
    said_deleted: bool = False
    word: Word | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of the table; `told` says it in words."""

    told: str
    holds: Callable[[Facts], bool]
    what: What


_OWN = frozenset({Who.OURS, Who.DOUBLE})


def _undone(facts: Facts) -> bool:
    """Tell whether our own deletion is not done: shown by a read, never missed."""
    return facts.back and facts.who in _OWN and not facts.missed


def _by_a_person(facts: Facts) -> bool:
    return facts.who is Who.PERSON or facts.said_deleted


def _only_not_shown(facts: Facts) -> bool:
    return not facts.back and facts.who is Who.NOT_SHOWN


def _of_two(facts: Facts) -> bool:
    """Tell whether it may be the one hour that an equal one's deletion meant, too."""
    not_hidden = _only_not_shown(facts) and not facts.hidden
    return facts.crossed and (facts.who is Who.PERSON or not_hidden)


RULES: tuple[Rule, ...] = (
    Rule(
        "a restored backup took it away, on either side: that has its own rule",
        lambda f: Who.RESTORE in {f.who, f.other},
        What.NOTHING,
    ),
    Rule(
        "gone on both sides",
        lambda f: not f.back and f.other is not None,
        What.NOTHING,
    ),
    Rule(
        "back; a person says that it is deleted",
        lambda f: f.back and f.word is Word.DELETED,
        What.SEND_AGAIN,
    ),
    Rule(
        "back; a person says that it is not, and the other side has it",
        lambda f: f.back and f.word is Word.STAYS and f.other is None,
        What.NOTHING,
    ),
    Rule(
        "back; a person says that it is not, and the other side lost it",
        lambda f: f.back and f.word is Word.STAYS,
        What.MAKE_AGAIN,
    ),
    Rule(
        "our own deletion, and no complete read begun after its outcome missed it: it "
        "is not done; somebody changed the entry",
        lambda f: _undone(f) and not f.as_known,
        What.MAKE_AGAIN,
    ),
    Rule(
        "the same; the entry is as the deletion knew it",
        lambda f: _undone(f) and not f.spent,
        What.SEND_AGAIN,
    ),
    Rule(
        f"the same, and it was sent again {MOST_TRIES} times",
        _undone,
        What.ASK,
    ),
    Rule(
        "back after our own deletion",
        lambda f: f.back and f.who in _OWN,
        What.ASK,
    ),
    Rule(
        "back, and a person deleted it on the other side, or it was a double there",
        lambda f: f.back and f.other in {Who.PERSON, Who.DOUBLE},
        What.ASK,
    ),
    Rule(
        "back, and an equal entry of that person and day was born since, or took its "
        "place",
        lambda f: f.back and f.equal,
        What.ASK,
    ),
    Rule(
        "back after a person had deleted it, or had said that it is deleted, and "
        "deleted on the other side for that",
        lambda f: f.back and _by_a_person(f) and f.other is not None,
        What.ASK,
    ),
    Rule(
        "back, and deleted on the other side only because it was not shown",
        lambda f: f.back and f.other is not None,
        What.MAKE_AGAIN,
    ),
    Rule(
        "back, and the other side has it still",
        lambda f: f.back,
        What.NOTHING,
    ),
    Rule(
        "deleted or not shown here, and an equal one was deleted there, and for that "
        "by us here, less than a day before; a person says that it is not: again here",
        lambda f: _of_two(f) and f.word is Word.STAYS,
        What.MAKE_AGAIN,
    ),
    Rule(
        "the same, deleted by a person in QuickBooks; nobody has said it yet",
        lambda f: _of_two(f) and f.who is Who.PERSON and f.word is None,
        What.ASK,
    ),
    Rule(
        "deleted by a person, or not shown, and not seen here since it was taken for "
        "one with the other side's: perhaps before that; a person says that it is not "
        "deleted: again here",
        lambda f: f.unseen and f.word is Word.STAYS,
        What.MAKE_AGAIN,
    ),
    Rule(
        "the same, deleted by a person in QuickBooks; nobody has said it yet",
        lambda f: f.unseen and f.who is Who.PERSON and f.word is None,
        What.ASK,
    ),
    Rule(
        "deleted by a person",
        lambda f: f.who is Who.PERSON,
        What.DELETE_THERE,
    ),
    Rule(
        "not shown; a person says that it is deleted",
        lambda f: _only_not_shown(f) and f.word is Word.DELETED,
        What.DELETE_THERE,
    ),
    Rule(
        "not shown; a person says that it is not: nothing until it is shown again",
        lambda f: _only_not_shown(f) and f.word is Word.STAYS,
        What.NOTHING,
    ),
    Rule(
        "not shown, and an equal one of that person and day, born there since, took "
        "its place",
        lambda f: _only_not_shown(f) and f.equal,
        What.NOTHING,
    ),
    Rule(
        "not shown for less than a day",
        lambda f: _only_not_shown(f) and not f.aged,
        What.WAIT,
    ),
    Rule(
        "not shown for a day, but its project, phase or person is archived or not "
        "listed any more, or Mosaic shows none of two or more entries of the project",
        lambda f: _only_not_shown(f) and f.hidden,
        What.ASK,
    ),
    Rule(
        "not shown for a day, and not asked for by its number since",
        lambda f: _only_not_shown(f) and not f.asked,
        What.LOOK,
    ),
    Rule(
        "not shown for a day, nor when asked for by its number; an equal one was "
        "deleted in QuickBooks by a person, and for that in Mosaic by us, less than a "
        "day before it was first not shown, or later; or it was itself, is there "
        "again, and an equal one has its own entry in Mosaic",
        lambda f: _only_not_shown(f) and f.crossed,
        What.ASK,
    ),
    Rule(
        "not shown for a day, nor when asked for by its number, and not seen here "
        "since it was taken for one with the other side's",
        lambda f: _only_not_shown(f) and f.unseen,
        What.ASK,
    ),
    Rule(
        "not shown for a day, and not when asked for by its number either",
        _only_not_shown,
        What.DELETE_THERE,
    ),
    Rule(
        "a person says that what we deleted here is deleted",
        lambda f: f.word is Word.DELETED,
        What.DELETE_THERE,
    ),
    Rule(
        "a person says that it is not",
        lambda f: f.word is Word.STAYS,
        What.MAKE_AGAIN,
    ),
    Rule(
        "we deleted it here, and the other side has it again",
        lambda _: True,
        What.ASK,
    ),
)
"""The first that holds decides. Where the entry is not back, "make again" is here."""


def decide(facts: Facts) -> What:
    """Return what is done."""
    return next(rule.what for rule in RULES if rule.holds(facts))


def table() -> str:
    """Return the table as docs/time-entries.md has it."""
    rows = [f"| {rule.told} | {rule.what} |" for rule in RULES]
    return "\n".join(["| an entry is | what is done |", "|---|---|", *rows, ""])


TOLD: Mapping[tuple[Side, Who], str] = {
    ("quickbooks", Who.PERSON): "deleted by a person in QuickBooks",
    ("quickbooks", Who.OURS): "deleted in QuickBooks, because Mosaic does not have it",
    ("quickbooks", Who.DOUBLE): "taken away in QuickBooks, because it was there twice",
    ("quickbooks", Who.RESTORE): "taken away in QuickBooks by a restored backup",
    ("mosaic", Who.NOT_SHOWN): "not shown by Mosaic any more",
    ("mosaic", Who.OURS): "deleted in Mosaic, because QuickBooks does not have it",
    ("mosaic", Who.DOUBLE): "taken away in Mosaic, because it was there twice",
    ("mosaic", Who.RESTORE): "taken away in Mosaic for a restored backup",
}
"""What a record's history says, by the side and by who it was."""
