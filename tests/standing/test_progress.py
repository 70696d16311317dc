"""The steps of the first hour and the four answers, as a table of facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from qbwc_server.companies.attention import Attention
from qbwc_server.onboarding.in_short import in_short
from qbwc_server.standing import reasons
from qbwc_server.standing.hindrance import Reason
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
from qbwc_server.standing.reasons import Counted
from qbwc_server.words import urgency

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
NEW = Facts(now=NOW, mode="preview", poll_every=1)
CALLED = replace(NEW, last_seen_at=NOW)
READ = Read("employees", 12, is_done=True)
BOUND = replace(
    CALLED,
    file_name="Vale",
    file_path="C:\\Vale.QBW",
    product="QuickBooks Premier 2024",
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


def hindered(*asked: tuple[str, str], **facts: Any) -> tuple[Reason, ...]:
    """Return what hinders a company that is live and called just now, but for this."""
    attentions = tuple(
        Attention(number, one, urgency.place(one), text, NOW, NOW)
        for number, (one, text) in enumerate(asked)
    )
    known = {"mode": "live", "created_at": NOW, "last_seen_at": NOW, **facts}
    return tuple(reasons.of(reasons.Facts(attentions=attentions, **known)))


WRONG_FILE = hindered(("wrong-company-file", WRONG))
WRONG_PASSWORD = hindered(wrong_password_at=NOW, last_seen_at=None)
LATE = hindered(late_at=NOW)


@pytest.mark.parametrize(
    ("facts", "ticks"),
    [
        (NEW, "now todo todo todo todo todo todo"),
        (
            replace(NEW, hinders=WRONG_PASSWORD),
            "done trouble todo todo todo todo todo",
        ),
        (CALLED, "done done now todo todo todo todo"),
        (
            replace(CALLED, hinders=WRONG_FILE),
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
            replace(LIVE, hinders=WRONG_FILE),
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
    assert step.said == "Vale, C:\\Vale.QBW, QuickBooks Premier 2024"


def test_what_only_is_to_be_known_stops_no_step() -> None:
    """Time tracking that is off is said, and the rest goes on."""
    facts = replace(BOUND, hinders=hindered(("time-tracking-off", "Off.")))
    assert [one.tick for one in steps(facts)][4] is Tick.NOW
    live = replace(LIVE, hinders=hindered(("time-tracking-off", "Off.")))
    assert answers(live).working == "Yes."
    assert "Off." in answers(live).do


@pytest.mark.parametrize(
    ("facts", "tone", "working"),
    [
        (NEW, "busy", "Not yet"),
        (replace(NEW, hinders=WRONG_PASSWORD), "bad", "No."),
        (LOOKED, "busy", "Not yet"),
        (LIVE, "good", "Yes."),
        (
            replace(LIVE, last_run=Run(NOW, None, "")),
            "good",
            "Yes, it is running now.",
        ),
        (replace(LIVE, mode="paused"), "busy", "It is paused."),
        (
            replace(LIVE, hinders=hindered(counted=(("faults", Counted(1)),))),
            "bad",
            "Not quite.",
        ),
        (replace(LIVE, is_filling=True), "good", "Yes. Mosaic is being filled."),
        (
            replace(LIVE, is_unplaced=True, to_see=("Link it.",)),
            "busy",
            "Yes. Something needs you.",
        ),
        (replace(LIVE, hinders=LATE), "bad", "No."),
        (
            replace(LIVE, hinders=hindered(("backup-restored", "Stop."))),
            "busy",
            "Not just now",
        ),
        (replace(LIVE, hinders=WRONG_FILE), "bad", "Not quite."),
        (replace(CALLED, hinders=WRONG_FILE), "bad", "Not yet"),
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
    facts = replace(LIVE, hinders=WRONG_FILE)
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
    late = replace(silent, hinders=LATE)
    assert is_late(late)
    assert answers(late).tone == "bad"
    assert "has not called" in " ".join(answers(late).do)
    assert not is_late(replace(late, hinders=hindered(mode="paused", late_at=NOW)))
    assert next_run(silent) == since + timedelta(minutes=15)
    assert next_run(NEW) is None


@pytest.mark.parametrize(
    ("facts", "missing"),
    [
        (BOUND, "First reads, then Preview ready."),
        (KNOWN, "Preview ready, then Live."),
        (
            replace(LIVE, hinders=hindered(("backup-restored", "It is compared."))),
            "It is compared.",
        ),
        (
            replace(LIVE, hinders=hindered(counted=(("failed", Counted(2)),))),
            (
                "A piece of work for QuickBooks failed and waits for a person. Our "
                "support looks at it."
            ),
        ),
        (
            replace(LIVE, mode="paused", hinders=hindered(mode="paused")),
            (
                "Our support paused it, and resumes it: please ask them when it is to "
                "go on."
            ),
        ),
    ],
)
def test_what_others_see_to_is_nothing_that_the_customer_must_do(
    facts: Facts, missing: str
) -> None:
    """It is told as what is missing: reading, comparing, and what is ours."""
    told = answers(facts)
    assert (told.missing, told.do) == (missing, ("Nothing.",))


def test_a_key_that_is_missing_is_asked_for_where_it_is_taken() -> None:
    """On this page, whatever step is held up by it."""
    for known in (KNOWN, LIVE):
        hinders = hindered(has_mosaic_key=False)
        (do,) = answers(replace(known, has_mosaic_key=False, hinders=hinders)).do
        assert "enter the API key" in do


def test_green_is_only_where_nothing_needs_anybody() -> None:
    """Records that need the customer are neither in agreement nor on their way."""
    told = answers(LIVE, needs=1)
    assert (told.tone, told.working) == ("busy", "Yes. Something needs you.")
    assert in_short(LIVE, 0) == "works"
    assert in_short(replace(LIVE, hinders=WRONG_FILE), 0) == "needs you"
    ours = hindered(counted=(("unused", Counted(1)),))
    assert in_short(replace(LIVE, hinders=ours), 0) == "does not work for now"


def test_what_is_to_be_done_is_said_once() -> None:
    """A run that ended with it, as Web Connector shows it, is told in short."""
    facts = replace(LIVE, hinders=WRONG_FILE)
    assert facts.attention is not None
    ended = replace(facts, last_run=Run(NOW, NOW, facts.attention.why[:70] + "..."))
    assert ended.last_said == "it stopped at what is to be done, below."
    other = replace(facts, last_run=Run(NOW, NOW, "3 employees in."))
    assert other.last_said == "3 employees in."
    assert replace(facts, last_run=None).last_said == ""
