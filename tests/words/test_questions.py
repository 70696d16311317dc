"""What is asked of a customer reads as said to him, on the page where he answers."""

from __future__ import annotations

import pytest

from qbwc_server.words import questions


@pytest.mark.parametrize(
    ("told", "read"),
    [
        (
            "If that is right, say so on the setup page.",
            "If that is right, say so here.",
        ),
        ("It waits. Support: `jobs found`, or `jobs leave`.", "It waits."),
        ("Nothing was read from it.", "Nothing was read from it."),
    ],
)
def test_a_customer_is_not_sent_to_the_page_that_he_reads(told: str, read: str) -> None:
    """Nor does he read what only support can do."""
    assert questions.on_the_page(told) == read


def test_what_is_asked_back_answers_no_question() -> None:
    """What is asked back begins with what was said, without the Yes before it."""
    said = [way.bare for ways in questions.WAYS.values() for way in ways]
    assert "They were deleted" in said
    assert "Look again" in said
    assert "Put back what the restore undid" in said
    assert not [one for one in said if one.startswith(("Yes", "No"))]
