"""Makes whole sentences of what Mosaic, or a program in between, says.

What others say is quoted and so may be any text; a sentence of ours stands around it,
begins with a capital and ends with a full stop, and is short enough to be kept whole.
"""

from __future__ import annotations

from typing import Final

LONGEST_QUOTE: Final = 300
"""Characters of what others say; with our sentence around it, it fits into a reason."""
_NO_REASON: Final = "No reason is known."
_ENDINGS: Final = " .,:;"


def quoted(text: str) -> str:
    """Return a text in quotation marks: one line, cut where it is long."""
    line = " ".join(text.split()).replace('"', "'")
    if len(line) > LONGEST_QUOTE:
        line = line[: LONGEST_QUOTE - 3].rstrip() + "..."
    return f'"{line}"'


def whole(text: str) -> str:
    """Return a text as a sentence: a line with a capital first, a full stop last."""
    line = " ".join(text.split()).rstrip(_ENDINGS)
    return f"{line[0].upper()}{line[1:]}." if line else _NO_REASON
