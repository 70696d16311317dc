"""A try is what Mosaic answered about this entry; pauses grow, and five are enough."""

from __future__ import annotations

from datetime import timedelta

import pytest

from qbwc_server.kinds import tries


@pytest.mark.parametrize(
    ("status", "others_answered", "about_the_entry"),
    [
        (500, True, True),
        (503, True, True),
        (500, False, False),  # Mosaic is not there, for anybody
        (None, True, False),  # a time-out: nothing was answered
        (429, True, False),
        (408, True, False),
        (422, True, False),  # a refusal, which says why
    ],
)
def test_whose_failure_it_is(
    status: int | None, others_answered: bool, about_the_entry: bool
) -> None:
    """Only what Mosaic itself answered, while it answers others, is the entry's."""
    found = tries.is_about_the_entry(status, others_answered=others_answered)
    assert found is about_the_entry


@pytest.mark.parametrize(
    ("failures", "pause"),
    [
        (0, timedelta()),
        (1, timedelta()),
        (2, timedelta(minutes=15)),
        (3, timedelta(hours=1)),
        (4, timedelta(hours=4)),
        (5, None),
        (6, None),
    ],
)
def test_how_long_the_next_try_waits(failures: int, pause: timedelta | None) -> None:
    """Longer each time; after the fifth a person must act."""
    assert tries.pause(failures) == pause
