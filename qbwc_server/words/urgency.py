"""In which order what hinders a company is told, and what of it stops everything.

Pure. A stop leads; what is only to be known comes last.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

COMPARING: Final = "backup-restored"
WHICH_SIDE: Final = "backup-restored-which-side"
RESTORED: Final = frozenset({COMPARING, WHICH_SIDE})
"""A backup of the company file was restored: it is compared, or a person is asked."""
GONE_IN_QUICKBOOKS: Final = "too-many-gone"
GONE_IN_MOSAIC: Final = "mosaic-too-many-gone"
"""Mosaic does not show many that it had: it is stopped for what is gone there alone."""
STOPPING: Final = frozenset({GONE_IN_QUICKBOOKS, GONE_IN_MOSAIC}) | RESTORED
"""Attentions in which nothing is written until it is settled what is gone."""
TIME_OFF: Final = "time-tracking-off"
NOT_READ: Final = "list-not-read"
IN_DOUBT: Final = "write-in-doubt"
KEY_MISSING: Final = "mosaic-key-missing"
REMARKS: Final = frozenset(
    {
        TIME_OFF,
        "company-file-moved",
        "quickbooks-unsupported-edition",
        "quickbooks-unsupported-version",
        "quickbooks-unsupported-country",
    }
)
"""What is to be known, and stops nothing."""
_PARTS: Final = frozenset({NOT_READ, IN_DOUBT, "two-computers"})
_STATUS: Final = "quickbooks-status-"
OF_MOSAIC: Final = "mosaic-"
_ANSWERED: Final = frozenset({"mosaic-delivery-failed", "mosaic-portfolio-missing"})
"""What stands beside Mosaic's own trouble: Mosaic answered."""


class Place(IntEnum):
    """Where something that hinders a company stands among all that does."""

    RESTORED = 0
    STOPPED = 1
    PAUSED = 2
    WRONG_PASSWORD = 3
    LATE = 4
    WAITING = 5
    FILE = 6
    """No run gets at the company file."""
    MOSAIC = 7
    KEY = 8
    PART = 9
    """One list, one entry, or a computer too many: all else goes on."""
    FAILED = 10
    UNUSED = 11
    FAULTS = 12
    RECORDS = 13
    PREVIEW = 14
    REMARK = 15
    GUESSED = 16
    """Beside what is late, which stands before it."""


def place(attention_id: str) -> Place:
    """Return where an attention stands; one that nobody knows stops the runs."""
    if attention_id in RESTORED:
        return Place.RESTORED
    if attention_id in STOPPING:
        return Place.STOPPED
    if attention_id in REMARKS:
        return Place.REMARK
    if attention_id in _PARTS or attention_id.startswith(_STATUS):
        return Place.PART
    return Place.MOSAIC if attention_id.startswith(OF_MOSAIC) else Place.FILE


def keeps_from_going_on(at: int) -> bool:
    """Tell whether nothing goes on while something stands at a place."""
    return at < Place.PART or at == Place.PREVIEW


def replaces(later: str, earlier: str) -> bool:
    """Tell whether an attention takes the place of another: one try meets one thing.

    A run of Web Connector that does not get at the file ends there; so does a call of
    Mosaic. What the try before met is not so any more, or nobody knows.
    """
    if later == earlier or {later, earlier} & _ANSWERED:
        return False
    at = place(later)
    return at in {Place.FILE, Place.MOSAIC} and at == place(earlier)
