"""What is asked about a lost write, step by step: the whole table, and when it ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from qbwc_server.jobs.doubt import (
    MOST_ANSWERS,
    MOST_SILENT,
    STEPS,
    TOGETHER,
    WORKING_DAY,
    Doubt,
    Heard,
    Question,
    Then,
)

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ANSWERS = [one for one in Heard if one is not Heard.SILENCE]


def _asked(question: Question = Question.STORED, **more: object) -> Doubt:
    first = replace(Doubt(question=question), **more)  # type: ignore[arg-type]
    return first.asked(1, 10, NOW)


def _unreadable(doubt: Doubt, sessions: int, every: timedelta) -> Doubt:
    for session in range(1, sessions + 1):
        now = NOW + every * (session - 1)
        doubt = doubt.asked(session, 10 * session, now)
        doubt = doubt.heard(Heard.UNREADABLE, session, now)
    return doubt


def test_the_table_knows_each_question_with_each_answer() -> None:
    """Nothing can be heard of which it is not said what comes next."""
    assert set(STEPS) == set(product(Question, ANSWERS, (False, True)))


@pytest.mark.parametrize(("given", "then"), STEPS.items())
def test_each_step_is_taken_as_the_table_says(
    given: tuple[Question, Heard, bool], then: tuple[Question, Then]
) -> None:
    """At once in the same session, with the next one, or never; counted each time."""
    question, what, again = given
    doubt = _asked(question, unreadable=int(again)).heard(what, 1, NOW)
    assert doubt.question is then[0]
    assert doubt.may_ask(1) is (then[1] is Then.AT_ONCE)
    assert doubt.given_up is (then[1] is Then.NEVER)
    assert (doubt.answers, doubt.answered_in) == (1, 1)


@pytest.mark.parametrize(("given", "then"), STEPS.items())
def test_no_step_goes_back(
    given: tuple[Question, Heard, bool], then: tuple[Question, Then]
) -> None:
    """From the stored answer to the entry, wherever it may be, and never round."""
    order = list(Question)
    assert order.index(then[0]) >= order.index(given[0])
    assert then != (given[0], Then.AT_ONCE)


def test_a_stored_answer_that_is_unreadable_twice_is_left_for_the_entry() -> None:
    """In the second session at once: what it said twice it would say again."""
    once = _unreadable(Doubt(), 1, timedelta(minutes=15))
    assert (once.question, once.may_ask(1), once.may_ask(2)) == ("stored", False, True)
    twice = _unreadable(Doubt(), 2, timedelta(minutes=15))
    assert (twice.question, twice.may_ask(2)) == ("entry", True)


@pytest.mark.parametrize(
    ("sessions", "every", "ends"),
    [
        (MOST_ANSWERS, WORKING_DAY / (MOST_ANSWERS - 1), True),
        (MOST_ANSWERS, timedelta(hours=1), False),
        (MOST_ANSWERS - 1, WORKING_DAY, False),
        (33, timedelta(minutes=15), True),
        (32, timedelta(minutes=15), False),
    ],
)
def test_a_person_is_asked_after_five_answers_over_a_working_day(
    sessions: int, every: timedelta, *, ends: bool
) -> None:
    """Neither five quick ones nor four slow ones are enough."""
    doubt = _unreadable(Doubt(question=Question.ENTRY), sessions, every)
    assert doubt.needs_person is ends


def test_two_answers_in_one_session_are_one() -> None:
    """The stored answer and the look after it are one session that answered."""
    doubt = _asked().heard(Heard.ABSENT, 1, NOW).asked(1, 11, NOW)
    doubt = doubt.heard(Heard.REFUSED, 1, NOW)
    assert (doubt.answers, doubt.question) == (1, Question.EVERYBODY)


def test_silence_counts_for_nothing() -> None:
    """QuickBooks that takes no call at all says nothing about this write."""
    doubt = Doubt()
    for session in range(1, 30):
        doubt = doubt.asked(session, session, NOW).heard(Heard.SILENCE, session, NOW)
    assert doubt == replace(Doubt(), asked_in=29, asked_by=29)


def test_a_question_that_sessions_die_of_goes_last_and_then_counts() -> None:
    """The stored answer is left for the entry; the others get their turn before."""
    doubt, day = Doubt(), timedelta(days=1)
    for session in range(1, MOST_SILENT + 1):
        assert not doubt.goes_last
        doubt = doubt.asked(session, session, NOW)
    assert doubt.goes_last
    assert (doubt.ready().question, doubt.answers) == (Question.ENTRY, 0)
    for session in range(4, 4 + MOST_ANSWERS + 1):
        doubt = doubt.asked(session, session, NOW + day * session)
    assert doubt.needs_person


@pytest.mark.parametrize(("together", "then"), [(25, 12), (12, 6), (2, 1), (1, 1)])
def test_questions_that_stood_together_are_asked_in_halves_at_once(
    together: int, then: int
) -> None:
    """Until the one that it is about stands alone."""
    doubt = _asked(Question.ENTRY, together=together).apart()
    assert (doubt.together, doubt.may_ask(1), doubt.answers) == (then, True, 0)


@pytest.mark.parametrize(
    "doubt",
    [
        Doubt(),
        Doubt(question=Question.CHANGES, since="2026-03-02T09:00:00", together=3),
        Doubt(question=Question.NAMED, txn_id="1A-2", given_up=True, left=True),
        _unreadable(Doubt(), 7, timedelta(hours=2)),
    ],
)
def test_a_doubt_is_kept_as_json_and_read_again(doubt: Doubt) -> None:
    """Nothing is lost on the way, and "in_doubt" stands where it always did."""
    kept = doubt.kept()
    assert Doubt.of(kept) == doubt
    assert bool(kept.get("in_doubt")) is doubt.given_up


@pytest.mark.parametrize(
    ("before", "read"),
    [
        (None, Doubt()),
        ({}, Doubt()),
        ({"seen_in": 4}, Doubt()),
        ({"probed_in": 7}, Doubt(asked_in=7)),
        ({"probed_in": 7, "answered": True}, Doubt(question=Question.ENTRY)),
        ({"answered": True}, Doubt(question=Question.ENTRY)),
        (
            {
                "probed_in": 7,
                "answered": True,
                "looked_in": 8,
                "looks": 2,
                "look": 80,
                "everybody": True,
            },
            Doubt(Question.EVERYBODY, asked_in=8, asked_by=80, answers=2),
        ),
        (
            {
                "answered": True,
                "looked_in": None,
                "looks": 1,
                "look": 80,
                "since": "2026-03-02T09:00:00",
            },
            Doubt(
                Question.CHANGES,
                asked_by=80,
                answers=1,
                since="2026-03-02T09:00:00",
            ),
        ),
        ({"in_doubt": True}, Doubt(given_up=True)),
        (
            {
                "answered": True,
                "looks": 5,
                "looked_in": 9,
                "look": 90,
                "in_doubt": True,
            },
            Doubt(Question.ENTRY, asked_in=9, asked_by=90, answers=5, given_up=True),
        ),
    ],
)
def test_a_row_of_the_program_before_is_read(
    before: dict[str, object] | None, read: Doubt
) -> None:
    """What it had asked already is not asked from the beginning."""
    assert Doubt.of(before) == read
    assert read.together == TOGETHER
