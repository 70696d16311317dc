"""What Web Connector shows at the end of a run."""

from __future__ import annotations

import pytest

from qbwc_server import words

URL = "https://qb.example.com"


@pytest.mark.parametrize(
    ("came", "went", "needs", "said"),
    [
        (
            {"time entries": 34},
            {"time entries": 12},
            2,
            f"34 time entries in, 12 out. 2 need you: {URL}",
        ),
        ({"time entries": 1}, {}, 1, f"1 time entry in. 1 needs you: {URL}"),
        ({}, {"time entries": 1}, 0, "1 time entry out."),
        ({}, {}, 0, "Nothing new."),
        ({}, {}, 1001, f"Nothing new. More than 1,000 need you: {URL}"),
        (
            {"customers and jobs": 1, "classes": 1, "employees": 7},
            {},
            0,
            "7 employees in; 1 class in; 1 customer or job in.",
        ),
    ],
)
def test_a_run_is_told_in_counts_and_who_must_act(
    came: dict[str, int], went: dict[str, int], needs: int, said: str
) -> None:
    """The greatest number first; where to look stands at the end."""
    assert words.summary(came, went, needs, URL) == said


def test_what_needs_attention_comes_before_counts() -> None:
    """A person reads one line."""
    said = words.summary({"employees": 3}, {}, 2, URL, attention="A backup is back.")
    assert said == f"A backup is back. 3 employees in. 2 need you: {URL}"
    full = "A backup is back, which takes a line." * 5
    said = words.summary({"employees": 3}, {}, 0, URL, attention=full)
    assert said == full


def test_however_much_there_is_the_address_stays_whole() -> None:
    """It is cut before the address, and ends in dots."""
    long = {f"kinds number {number}": 10_000 + number for number in range(30)}
    for attention in ("", "Büro ist zu. " * 40):
        said = words.summary(long, long, 12, URL, attention=attention)
        assert said.endswith(f"... 12 need you: {URL}")
        assert said.isascii()
        assert 150 < len(said) < 200


def test_an_address_that_leaves_no_room_is_left_out() -> None:
    """What happened is said before where more stands."""
    said = words.summary({"employees": 3}, {}, 2, "https://" + "x" * 180 + ".example")
    assert said == "3 employees in. 2 need you."
