"""What an edit in QuickBooks does to notes that QuickBooks keeps in another form. Pure.

A company file holds 4,095 characters of Windows-1252 for notes, Mosaic all of a text.
Who edits the notes in QuickBooks edits what is seen there: what was cut off, and the
characters that QuickBooks cannot keep, stay in Mosaic wherever nobody touched them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import takewhile
from typing import Any, Final, TypeAlias

from qbwc_server.kinds.time_entry import LONGEST_NOTES
from qbwc_server.qbxml.values import storable

_CUT: Final = "..."
"""What stands in QuickBooks for all that follows."""
_TOKENS: Final = re.compile(r"\w+|\W")
_MOST: Final = 1_000_000
"""So many comparisons of words are worth it; beyond, the edit counts as one part."""
_Span: TypeAlias = tuple[str, str]
"""A piece of Mosaic's text, and what QuickBooks has of it."""


def edited(full: str, kept: str, new: str) -> str:
    """Return Mosaic's text after an edit in QuickBooks.

    Args:
        full: What Mosaic has.
        kept: What QuickBooks had of it when both agreed.
        new: What QuickBooks has now.

    An edit of the "..." alone touches nothing of what it stands for: what is typed
    there comes after it. Where `kept` is no form of `full` that we know, an edit of a
    part that both have alike changes that part; any other is taken as it is.
    """
    if new == kept:
        return full
    if kept == full:
        return new
    spans = _spans(full, kept)
    for start, end, text in reversed(list(_edits(kept, new))):
        spans = _replaced(spans, start, end, text)
    return "".join(there for there, _ in spans)


def _spans(full: str, kept: str) -> list[_Span]:
    """Return both texts in pieces that stand for each other."""
    spans = [(char, storable(char)) for char in full]
    if "".join(here for _, here in spans) == kept:
        return spans
    if kept.endswith(_CUT):
        whole, room = [], len(kept) - len(_CUT)
        for there, here in spans:
            if len(here) > room:
                break
            whole.append((there, here))
            room -= len(here)
        shown = "".join(here for _, here in whole)
        # Blanks before the dots were taken off.
        if room == 0 and shown + _CUT == kept:
            rest = "".join(there for there, _ in spans[len(whole) :])
            return [*whole, (rest, _CUT)]
    return _alike(full, kept)


def _alike(full: str, kept: str) -> list[_Span]:
    """Return the beginning and the end that both have alike, and what lies between."""
    most = min(len(full), len(kept))
    begin = _common(full, kept)
    end = min(_common(full[::-1], kept[::-1]), most - begin)
    middle = (full[begin : len(full) - end], kept[begin : len(kept) - end])
    ending = full[len(full) - end :]
    return [
        *((char, char) for char in full[:begin]),
        middle,
        *((char, char) for char in ending),
    ]


def _common(one: str, other: str) -> int:
    """Return how many characters two texts begin with alike."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda both: both[0] == both[1], pairs))


def _edits(kept: str, new: str) -> Iterator[tuple[int, int, str]]:
    """Yield what was edited, in order: from where to where, and what is there now."""
    begin = _common(kept, new)
    end = min(_common(kept[::-1], new[::-1]), min(len(kept), len(new)) - begin)
    before = kept[begin : len(kept) - end]
    after = new[begin : len(new) - end]
    words, now = _TOKENS.findall(before), _TOKENS.findall(after)
    if len(words) * len(now) > _MOST:
        yield begin, begin + len(before), after
        return
    at = [begin]
    for word in words:
        at.append(at[-1] + len(word))
    changes = SequenceMatcher(None, words, now, autojunk=False).get_opcodes()
    for what, first, last, new_first, new_last in changes:
        if what != "equal":
            yield at[first], at[last], "".join(now[new_first:new_last])


def _replaced(spans: Sequence[_Span], start: int, end: int, text: str) -> list[_Span]:
    """Return spans of which a part of what QuickBooks has was replaced.

    A piece that is touched goes as a whole, with what QuickBooks has left of it.
    """
    before: list[_Span] = []
    after: list[_Span] = []
    left, right = "", ""
    at = 0
    for there, here in spans:
        begins, at = at, at + len(here)
        if at <= start and (here or begins < start or not start):
            before.append((there, here))
        elif begins >= end:
            after.append((there, here))
        elif here == _CUT and there != here and begins <= start:
            # Nobody saw what the dots stand for.
            before.append((there, here))
        else:
            left += here[: max(start - begins, 0)]
            right += here[max(end - begins, 0) :]
    put = left + text + right
    return [*before, (put, put), *after]


def remark(quickbooks: Mapping[str, Any], mosaic: Mapping[str, Any]) -> str | None:
    """Say that two entries that agree keep their notes in two forms, None if not."""
    if quickbooks.get("notes") == mosaic.get("notes"):
        return None
    if len(mosaic.get("notes") or "") > LONGEST_NOTES:
        return "QuickBooks keeps 4,095 characters of the notes; Mosaic has all of them."
    return "The notes have characters that one side keeps in another form."
