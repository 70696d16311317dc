"""An edit in QuickBooks changes of Mosaic's notes what was edited, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbwc_server.kinds.notes import edited
from qbwc_server.kinds.time_entry import normal, notes_for_quickbooks

LONG = "Visited the site. " * 300 + "The end."
CUT = notes_for_quickbooks(LONG)

TABLE = {
    "nothing was edited": (LONG, CUT, CUT, LONG),
    "kept as it is": ("one two", "one two", "one three", "one three"),
    "a word before the cut": (
        LONG,
        CUT,
        CUT.replace("Visited", "Saw", 1),
        LONG.replace("Visited", "Saw", 1),
    ),
    "two words, and what is between them": (
        "see 東京 then 大阪 twice",
        "see ?? then ?? twice",
        "saw ?? then ?? thrice",
        "saw 東京 then 大阪 thrice",
    ),
    "a letter without its accent": (
        "Łódź again",
        "Lódz again",
        "Lódz twice",
        "Łódź twice",
    ),
    "what QuickBooks could not keep": (
        "see 東京 then",
        "see ?? then",
        "see Tokyo then",
        "see Tokyo then",
    ),
    "a part of one character": ("⅓ done", "1/3 done", "2/3 done", "2/3 done"),
    "after the dots": (LONG, CUT, CUT + " Paid.", LONG + " Paid."),
    "the dots themselves": (LONG, CUT, CUT.removesuffix("..."), LONG),
    "before all": (LONG, CUT, "Draft: " + CUT, "Draft: " + LONG),
    "all of it": (LONG, CUT, "Nothing", "Nothing"),
    "taken away": (LONG, CUT, "", ""),
    "the end and the dots": (
        "one two three",
        "one two...",
        "one five",
        "one five",
    ),
    "a spelling of QuickBooks' own, edited before it": (
        "first, and “this”",
        'first, and "this"',
        'second, and "this"',
        "second, and “this”",
    ),
    "the same, edited where it differs": (
        "first, and “this”",
        'first, and "this"',
        'first, and "that"',
        'first, and "that"',
    ),
}


@pytest.mark.parametrize("case", TABLE)
def test_what_was_edited_and_nothing_else(case: str) -> None:
    """Mosaic's text, QuickBooks' form of it, its new form, and what Mosaic gets."""
    full, kept, new, wanted = TABLE[case]
    assert edited(full, kept, new) == wanted


WORDS = st.lists(
    st.sampled_from(["call", "東京", "Łódź", "⅓", "", "\n", "...", "a b"]), max_size=12
).map(lambda words: normal(" ".join(words)))


@given(full=WORDS, new=WORDS)
def test_quickbooks_shows_then_what_was_typed_there(full: str, new: str) -> None:
    """Whatever was there: the text that Mosaic gets has the form that was typed."""
    kept = notes_for_quickbooks(full)
    new = notes_for_quickbooks(new)
    assert notes_for_quickbooks(edited(full, kept, new)) == new


def test_a_long_text_of_one_sign_takes_no_time() -> None:
    """The words of an edit are compared only where they are few."""
    full = "=" * 5000
    kept = notes_for_quickbooks(full)
    new = "+".join(kept)[:4095]
    assert edited(full, kept, new)
