"""Durations, wall clocks and text: there and back, and what is no value."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from qbwc_server.qbxml.values import (
    InvalidValue,
    boolean,
    duration_from_minutes,
    escape,
    minutes_from_duration,
    storable,
    true_offset_minutes,
    wall_clock,
    wall_clock_minus,
    wall_datetime,
)

_GOOD = st.characters(
    exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"
)


@given(st.integers(-(10**6), 10**6))
def test_minutes_survive_the_way_through_a_duration(minutes: int) -> None:
    """Whole minutes come back as they went, negative ones too."""
    assert minutes_from_duration(duration_from_minutes(minutes)) == minutes


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("PT8H30M0S", 510),
        ("PT30H", 1800),
        ("PT90M", 90),
        ("PT29S", 0),
        ("PT30S", 1),
        ("-PT30S", -1),
        ("+PT1H", 60),
        (" PT1H\n", 60),
    ],
)
def test_durations_are_rounded_to_the_minute(text: str, minutes: int) -> None:
    """Hours over 24, minutes over 59 and seconds are understood."""
    assert minutes_from_duration(text) == minutes


@pytest.mark.parametrize(
    "text",
    ["", "PT", "PT8.5H", "P1DT2H", "8:30", "PT1M1H", "PT\u0663H", "PT" + "9" * 5000],
)
def test_what_is_no_duration_is_said_to_be_none(text: str) -> None:
    """Nothing but InvalidValue is raised for other texts."""
    with pytest.raises(InvalidValue):
        minutes_from_duration(text)


@given(st.text(_GOOD))
def test_escaped_text_is_ascii_and_parses_to_itself(text: str) -> None:
    """Markup, accents and emoji come back from XML as they were."""
    escaped = escape(text)
    assert escaped.isascii()
    assert (etree.fromstring(f"<a>{escaped}</a>").text or "") == text
    assert etree.fromstring(f'<a b="{escaped}"/>').get("b") == text


def test_control_characters_are_left_out_of_text() -> None:
    """What XML or QuickBooks cannot hold never leaves; tab and newline do."""
    assert escape("a\x00\x0b\x1f\x7f\x85\ud800\uffffb\t\n") == "ab&#9;&#10;"


@given(st.text())
def test_storable_text_is_windows_1252_and_stays_so(text: str) -> None:
    """A text is stored as it is told to be, and made storable once for all."""
    made = storable(text)
    made.encode("cp1252")
    assert storable(made) == made


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("Café €", "Café €"),
        ("Cafe\u0301", "Café"),
        ("Dvořák", "Dvorák"),
        ("x\u0304", "x"),
        ("⅓ day", "1/3 day"),
        ("😀", "?"),
    ],
)
def test_what_a_company_file_cannot_keep_becomes_the_nearest(
    text: str, made: str
) -> None:
    """Accents are lost, fractions keep their stroke, the rest is a question mark."""
    assert storable(text) == made


@pytest.mark.parametrize(
    ("text", "wall"),
    [
        ("2026-07-01T10:00:00-05:00", "2026-07-01T10:00:00"),
        ("2026-07-01T10:00:00", "2026-07-01T10:00:00"),
        (" 2026-07-01", "2026-07-01T00:00:00"),
        ("2015-02-30T12:00:00+01:00", "2015-02-30T12:00:00"),
    ],
)
def test_a_wall_clock_has_no_offset(text: str, wall: str) -> None:
    """The offset of QuickBooks is cut off, wrong as it is."""
    assert wall_clock(text) == wall


@pytest.mark.parametrize("text", ["", "now", "07/01/2026", "\u0662026-07-01"])
def test_what_is_no_time_is_said_to_be_none(text: str) -> None:
    """Nothing but InvalidValue is raised for other texts."""
    with pytest.raises(InvalidValue):
        wall_clock(text)


@given(st.integers(0, 35), st.integers(0, 40), st.integers(0, 30))
def test_an_impossible_time_is_never_read_as_later(
    month: int, day: int, hour: int
) -> None:
    """What a clock cannot show moves a filter back, never on."""
    text = f"2015-{month:02}-{day:02}T{hour:02}:00:00"
    try:
        moment = wall_datetime(text)
    except InvalidValue:
        assert not 1 <= month <= 12
        return
    assert moment.isoformat() <= text or day == 0


def test_the_first_moment_of_all_has_nothing_before_it() -> None:
    """The zero of .NET's clock moves back to itself and raises nothing."""
    assert wall_clock_minus("0001-01-01T00:00:00", 5) == "0001-01-01T00:00:00"


@given(st.integers(946_684_800, 4_000_000_000), st.integers(-48, 56))
def test_the_true_offset_is_learnt_from_the_edit_sequence(
    second: int, quarters: int
) -> None:
    """Wall clock minus Unix second is the offset, whatever offset is printed."""
    wall = datetime.fromtimestamp(second + quarters * 900, UTC).replace(tzinfo=None)
    text = wall.isoformat() + "-05:00"
    assert true_offset_minutes(text, str(second)) == quarters * 15


@pytest.mark.parametrize("sequence", ["", "abc", "²", "-1", "9" * 5000, "1"])
def test_an_edit_sequence_that_is_no_second_teaches_nothing(sequence: str) -> None:
    """Another number, or none, gives no offset and raises nothing."""
    assert true_offset_minutes("2026-07-01T10:00:00-05:00", sequence) is None


def test_booleans_are_words_or_digits() -> None:
    """QuickBooks' true and false, and the legal 1 and 0, and nothing else."""
    assert [boolean(text) for text in ("true", "1", "false", "0")] == [
        True,
        True,
        False,
        False,
    ]
    with pytest.raises(InvalidValue):
        boolean("TRUE")
