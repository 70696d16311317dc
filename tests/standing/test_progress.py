"""The steps of the first hour and the four answers, as a table of facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from qbwc_server.standing.progress import (
    Facts,
    Read,
    Run,
    Tick,
    answers,
    done,
    is_late,
    next_run,
    steps,
)

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
NEW = Facts(now=NOW, mode="preview", poll_every=1)
CALLED = replace(NEW, last_seen_at=NOW)
READ = Read("employees", 12, is_done=True)
BOUND = replace(
    CALLED,
    file_name="Vale",
    file_path="C:\\Vale.QBW",
    product="QuickBooks Premier 2024",
    qbxml_version="13.0",
    automatic_login=True,
    personal_data=True,
    reads=(READ, Read("customers", 0, is_done=False)),
    mosaic_time_read=False,
    last_run=Run(NOW, NOW, "OK."),
)
KNOWN = replace(BOUND, reads=(READ,))
LOOKED = replace(KNOWN, mosaic_read_at=NOW, mosaic_time_read=True)
LIVE = replace(LOOKED, mode="live")
WRONG = "The open company is Bolt."


@pytest.mark.parametrize(
    ("facts", "ticks"),
    [
        (NEW, "now todo todo todo todo todo todo"),
        (
            replace(NEW, refused_at=NOW),
            "done trouble todo todo todo todo todo",
        ),
        (CALLED, "done done now todo todo todo todo"),
        (
            replace(CALLED, attention=WRONG, attention_id="wrong-company-file"),
            "done done trouble todo todo todo todo",
        ),
        (BOUND, "done done done done now todo todo"),
        (
            replace(BOUND, automatic_login=False),
            "done done done remark now todo todo",
        ),
        (replace(BOUND, personal_data=False), "done done done remark now todo todo"),
        (KNOWN, "done done done done done now todo"),
        (
            replace(KNOWN, has_mosaic_key=False),
            "done done done done done trouble todo",
        ),
        (
            replace(KNOWN, time_tracking=False),
            "done done done done remark now todo",
        ),
        (LOOKED, "done done done done done done now"),
        (LIVE, "done done done done done done done"),
        (replace(LIVE, mode="paused"), "done done done done done done trouble"),
        (
            replace(LIVE, reads=(replace(READ, problem="not permitted"),)),
            "done done done done remark done done",
        ),
        (
            replace(LIVE, attention=WRONG, attention_id="wrong-company-file"),
            "done done done done done done done",
        ),
    ],
)
def test_each_step_is_ticked_by_what_is_stored_and_by_nothing_else(
    facts: Facts, ticks: str
) -> None:
    """One step is being done at a time, and trouble stands where one is held up."""
    found = steps(facts)
    assert " ".join(step.tick for step in found) == ticks
    assert done(found) == ticks.split().count("done") + ticks.split().count("remark")


def test_the_step_of_the_company_file_says_which_one_it_is() -> None:
    """Name, place, edition and version."""
    (step,) = [one for one in steps(BOUND) if one.id == "file"]
    assert step.said == "Vale, C:\\Vale.QBW, QuickBooks Premier 2024, qbXML 13.0"


def test_what_only_is_to_be_known_stops_no_step() -> None:
    """Time tracking that is off is said, and the rest goes on."""
    facts = replace(BOUND, attention="Off.", attention_id="time-tracking-off")
    assert [one.tick for one in steps(facts)][4] is Tick.NOW
    live = replace(LIVE, attention="Off.", attention_id="time-tracking-off")
    assert answers(live).working == "Yes."
    assert "Off." in answers(live).do


@pytest.mark.parametrize(
    ("facts", "tone", "working"),
    [
        (NEW, "busy", "Not yet"),
        (replace(NEW, refused_at=NOW), "bad", "No."),
        (LOOKED, "busy", "Not yet"),
        (LIVE, "good", "Yes."),
        (
            replace(LIVE, last_run=Run(NOW, None, "")),
            "good",
            "Yes, it is running now.",
        ),
        (replace(LIVE, mode="paused"), "busy", "It is paused."),
        (replace(LIVE, late_at=NOW), "bad", "No."),
        (
            replace(LIVE, attention="Stop.", attention_id="too-many-gone"),
            "bad",
            "No.",
        ),
        (
            replace(LIVE, attention="It is compared.", attention_id="backup-restored"),
            "busy",
            "Not just now",
        ),
        (replace(LIVE, attention=WRONG, attention_id="wrong"), "bad", "Not quite."),
        (replace(CALLED, attention=WRONG, attention_id="wrong"), "bad", "Not yet"),
    ],
)
def test_whether_it_works_is_said_first(facts: Facts, tone: str, working: str) -> None:
    """In words, and by a tone that is more than a colour."""
    told = answers(facts)
    assert told.tone == tone
    assert told.working.startswith(working)
    assert told.missing
    assert told.do


def test_what_must_be_done_names_everything_that_waits_for_somebody() -> None:
    """Attention first; conflicts apart from the other records; else nothing."""
    facts = replace(LIVE, attention=WRONG, attention_id="wrong")
    do = answers(facts, needs=5, conflicts=2).do
    assert do == (
        WRONG,
        "2 conflicts are to settle.",
        "3 records need you: each says why, and the way out.",
    )
    assert answers(LIVE, needs=1, conflicts=1).do == ("1 conflict is to settle.",)
    assert answers(LIVE).do == ("Nothing.",)


def test_who_is_found_late_is_late_until_it_calls_and_not_while_paused() -> None:
    """Silence is found by the worker, which knows when we were down ourselves."""
    since = NOW - timedelta(minutes=50)
    silent = replace(LIVE, poll_every=15, last_seen_at=since)
    assert not is_late(silent)
    late = replace(silent, late_at=NOW)
    assert is_late(late)
    assert answers(late).tone == "bad"
    assert "has not called" in " ".join(answers(late).do)
    assert not is_late(replace(late, mode="paused"))
    assert next_run(silent) == since + timedelta(minutes=15)
    assert next_run(NEW) is None


def test_what_is_to_be_done_is_said_once() -> None:
    """A run that ended with it, as Web Connector shows it, is told in short."""
    told = "The open company is Vale; this connection is for Harbor. Open that one."
    facts = replace(LIVE, attention=told, attention_id="wrong")
    ended = replace(facts, last_run=Run(NOW, NOW, told[:70] + "..."))
    assert ended.last_said == "it stopped at what is to be done, below."
    assert told not in answers(ended).missing
    other = replace(facts, last_run=Run(NOW, NOW, "3 employees in."))
    assert other.last_said == "3 employees in."
    assert replace(facts, last_run=None).last_said == ""
