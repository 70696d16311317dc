"""A write whose answer was lost: what is asked about it, and what each answer means.

Pure. What is remembered with such a write is a `Doubt`, kept as JSON in `job.cursor`;
`STEPS` says what is asked next. Rule: a doubt ends, by an answer of QuickBooks or by a
person's word; never by being sent again on a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Self

MOST_ANSWERS: Final = 5
"""Sessions whose answer told nothing, after which a person must look."""
WORKING_DAY: Final = timedelta(hours=8)
"""How far apart the first and the last of them are at least. What hinders an answer
goes on as long as somebody sits at that computer: a window left open over lunch, a
file in single-user mode. Eight hours hold one change of it."""
MOST_SILENT: Final = 3
"""Times in a row that a question may stay without any answer before it goes last."""
TOGETHER: Final = 25
"""Questions about entries in one message set."""


class Question(StrEnum):
    """What QuickBooks is asked about a lost write."""

    STORED = "stored"
    """The answer that it stored of the message set."""
    ENTRY = "entry"
    """The entry: those of the person and day, or the one with its TxnID."""
    EVERYBODY = "everybody"
    """The entries of that day of all persons: the person may have been merged."""
    CHANGES = "changes"
    """All that changed since: somebody may have moved it."""
    NAMED = "named"
    """The one entry that a person says it is."""


class Heard(StrEnum):
    """What came of a question, where it did not settle the write."""

    ABSENT = "absent"
    """Answered, and it is not there."""
    REFUSED = "refused"
    """This one question was refused with a status."""
    UNREADABLE = "unreadable"
    """The answer to it cannot be read, or QuickBooks gave an HRESULT to it alone."""
    SILENCE = "silence"
    """An HRESULT while QuickBooks answered nothing at all: it says nothing of it."""


class Then(StrEnum):
    """When the next question is asked."""

    AT_ONCE = "at once"
    NEXT_SESSION = "next session"
    NEVER = "never"
    """It cannot find out: a person says."""


_Q, _H, _T = Question, Heard, Then
STEPS: Final[Mapping[tuple[Question, Heard, bool], tuple[Question, Then]]] = {
    (_Q.STORED, _H.ABSENT, False): (_Q.ENTRY, _T.AT_ONCE),
    (_Q.STORED, _H.ABSENT, True): (_Q.ENTRY, _T.AT_ONCE),
    (_Q.STORED, _H.REFUSED, False): (_Q.ENTRY, _T.AT_ONCE),
    (_Q.STORED, _H.REFUSED, True): (_Q.ENTRY, _T.AT_ONCE),
    (_Q.STORED, _H.UNREADABLE, False): (_Q.STORED, _T.NEXT_SESSION),
    (_Q.STORED, _H.UNREADABLE, True): (_Q.ENTRY, _T.AT_ONCE),
    (_Q.ENTRY, _H.ABSENT, False): (_Q.CHANGES, _T.AT_ONCE),
    (_Q.ENTRY, _H.ABSENT, True): (_Q.CHANGES, _T.AT_ONCE),
    (_Q.ENTRY, _H.REFUSED, False): (_Q.EVERYBODY, _T.NEXT_SESSION),
    (_Q.ENTRY, _H.REFUSED, True): (_Q.EVERYBODY, _T.NEXT_SESSION),
    (_Q.ENTRY, _H.UNREADABLE, False): (_Q.ENTRY, _T.NEXT_SESSION),
    (_Q.ENTRY, _H.UNREADABLE, True): (_Q.ENTRY, _T.NEXT_SESSION),
    (_Q.EVERYBODY, _H.ABSENT, False): (_Q.CHANGES, _T.AT_ONCE),
    (_Q.EVERYBODY, _H.ABSENT, True): (_Q.CHANGES, _T.AT_ONCE),
    (_Q.EVERYBODY, _H.REFUSED, False): (_Q.EVERYBODY, _T.NEXT_SESSION),
    (_Q.EVERYBODY, _H.REFUSED, True): (_Q.EVERYBODY, _T.NEXT_SESSION),
    (_Q.EVERYBODY, _H.UNREADABLE, False): (_Q.EVERYBODY, _T.NEXT_SESSION),
    (_Q.EVERYBODY, _H.UNREADABLE, True): (_Q.EVERYBODY, _T.NEXT_SESSION),
    (_Q.CHANGES, _H.ABSENT, False): (_Q.CHANGES, _T.NEXT_SESSION),
    (_Q.CHANGES, _H.ABSENT, True): (_Q.CHANGES, _T.NEXT_SESSION),
    (_Q.CHANGES, _H.REFUSED, False): (_Q.CHANGES, _T.NEXT_SESSION),
    (_Q.CHANGES, _H.REFUSED, True): (_Q.CHANGES, _T.NEXT_SESSION),
    (_Q.CHANGES, _H.UNREADABLE, False): (_Q.CHANGES, _T.NEXT_SESSION),
    (_Q.CHANGES, _H.UNREADABLE, True): (_Q.CHANGES, _T.NEXT_SESSION),
    (_Q.NAMED, _H.ABSENT, False): (_Q.NAMED, _T.NEVER),
    (_Q.NAMED, _H.ABSENT, True): (_Q.NAMED, _T.NEVER),
    (_Q.NAMED, _H.REFUSED, False): (_Q.NAMED, _T.NEXT_SESSION),
    (_Q.NAMED, _H.REFUSED, True): (_Q.NAMED, _T.NEXT_SESSION),
    (_Q.NAMED, _H.UNREADABLE, False): (_Q.NAMED, _T.NEXT_SESSION),
    (_Q.NAMED, _H.UNREADABLE, True): (_Q.NAMED, _T.NEXT_SESSION),
}
"""From a question, what was heard, and whether it was unreadable once before: what is
asked next, and when. Silence moves nothing. What is absent everywhere is settled by
the writing, so that `CHANGES` and `ABSENT` stand here for one that could not decide."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """How far the finding out has come.

    `asked_in` is the session that asked last and `asked_by` its exchange. `answers`
    counts the sessions that answered, from `first_answer` to `last_answer`, the latest
    being `answered_in`; `silent` how often in a row nothing came. `unreadable` counts
    such answers to this question. `since` is from when `CHANGES` asks, `txn_id` what
    `NAMED` asks for, `together` with how many others a question may stand, `given_up`
    that a person must say, and `left` that one said to leave it.
    """

    question: Question = Question.STORED
    asked_in: int | None = None
    asked_by: int | None = None
    answers: int = 0
    answered_in: int | None = None
    first_answer: datetime | None = None
    last_answer: datetime | None = None
    silent: int = 0
    unreadable: int = 0
    since: str | None = None
    txn_id: str | None = None
    together: int = TOGETHER
    given_up: bool = False
    left: bool = False

    @classmethod
    def of(cls, cursor: Mapping[str, Any] | None) -> Self:
        """Return what a write remembers, also one of the program before this one."""
        kept = cursor or {}
        if "question" not in kept:
            return cls(**_of_before(kept))
        known = {field.name for field in fields(cls)} & kept.keys()
        values = {name: kept[name] for name in known}
        for name in {"first_answer", "last_answer"} & known:
            values[name] = datetime.fromisoformat(kept[name])
        values["question"] = Question(kept["question"])
        return cls(**values, given_up=bool(kept.get("in_doubt")))

    def kept(self) -> dict[str, Any]:
        """Return it as JSON; `given_up` under the name it had before."""
        values: dict[str, Any] = {"question": self.question.value}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in {"question", "given_up"} or value == field.default:
                continue
            told = value.isoformat() if isinstance(value, datetime) else value
            values[field.name] = told
        return {**values, "in_doubt": True} if self.given_up else values

    @property
    def goes_last(self) -> bool:
        """Whether all other work of a session goes before its question.

        Perhaps the question itself is what ends the sessions.
        """
        return self.silent >= MOST_SILENT

    @property
    def needs_person(self) -> bool:
        """Whether it was asked often and long enough."""
        if self.answers < MOST_ANSWERS:
            return False
        if self.first_answer is None or self.last_answer is None:
            return False
        return self.last_answer - self.first_answer >= WORKING_DAY

    def may_ask(self, session_id: int) -> bool:
        """Tell whether a session may ask."""
        return self.asked_in != session_id

    def ready(self) -> Doubt:
        """Return it with the question that is to be asked now.

        A stored answer that sessions die of is left for the entry itself.
        """
        if self.question is Question.STORED and self.goes_last:
            return replace(self, question=Question.ENTRY)
        return self

    def asked(self, session_id: int, exchange_id: int, now: datetime) -> Doubt:
        """Return it with its question on its way.

        One that went last, after all that QuickBooks answered, and is asked again had
        no answer because of itself: that counts as one that cannot be read.
        """
        before = self
        if self.silent > MOST_SILENT and self.asked_in is not None:
            before = self._counted(self.asked_in, now)
        return replace(
            before,
            asked_in=session_id,
            asked_by=exchange_id,
            silent=self.silent + 1,
        )

    def heard(self, what: Heard, session_id: int, now: datetime) -> Doubt:
        """Return it after an answer that did not settle it."""
        if what is Heard.SILENCE:
            return replace(self, silent=max(self.silent - 1, 0))
        counted = replace(self._counted(session_id, now), silent=0)
        question, then = STEPS[self.question, what, self.unreadable > 0]
        again = question is self.question and what is Heard.UNREADABLE
        return replace(
            counted,
            question=question,
            unreadable=self.unreadable + 1 if again else 0,
            asked_in=None if then is Then.AT_ONCE else self.asked_in,
            given_up=then is Then.NEVER,
        )

    def apart(self) -> Doubt:
        """Return it so that its question stands with half as many others, at once."""
        return replace(
            self, asked_in=None, silent=0, together=max(self.together // 2, 1)
        )

    def _counted(self, session_id: int, now: datetime) -> Doubt:
        if session_id == self.answered_in:
            return self
        return replace(
            self,
            answers=self.answers + 1,
            answered_in=session_id,
            first_answer=self.first_answer or now,
            last_answer=now,
        )


def _of_before(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a row that the program before this one wrote."""
    question = Question.ENTRY if kept.get("answered") else Question.STORED
    if kept.get("everybody"):
        question = Question.EVERYBODY
    if kept.get("since"):
        question = Question.CHANGES
    asked_in = kept.get("looked_in" if kept.get("answered") else "probed_in")
    return {
        "question": question,
        "asked_in": asked_in,
        "asked_by": kept.get("look"),
        "answers": kept.get("looks", 0),
        "since": kept.get("since"),
        "given_up": bool(kept.get("in_doubt")),
    }


def seen_in(cursor: Mapping[str, Any] | None) -> int | None:
    """Return the session in which the entry of a write was looked at, if any.

    It is what a write remembers before it leaves; a doubt begins only after that.
    """
    found: int | None = (cursor or {}).get("seen_in")
    return found


def asked_in(cursor: Mapping[str, Any] | None) -> int | None:
    """Return the session in which the entry of a write was asked for, if any."""
    found: int | None = (cursor or {}).get("entry_asked_in")
    return found


def as_asked(session_id: int) -> dict[str, Any]:
    """Return what a write remembers whose entry was asked for in a session."""
    return {"entry_asked_in": session_id}


def as_seen(session_id: int) -> dict[str, Any]:
    """Return what a write remembers whose entry was looked at in a session."""
    return {"seen_in": session_id}
