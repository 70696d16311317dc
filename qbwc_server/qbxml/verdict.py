"""The words in which a status of QuickBooks is told: what to do, and to whom.

Values only. `status` decides, the tables beside it hold the texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What a qbXML status code means for the work it answers."""

    DONE = "done"
    """QuickBooks did it."""
    EMPTY = "empty"
    """The question was answered: there is nothing."""
    PARTIAL = "partial"
    """Take what was returned; something small is missing and worth a mention."""
    RETRY = "retry"
    """Nothing was done; the same content may go later."""
    REFETCH = "refetch"
    """Nothing was done; read the record again, then decide anew."""
    DATA = "data"
    """Nothing was done; this record cannot go until it or the mapping changes."""
    CUSTOMER = "customer"
    """Nothing was done; somebody must act in QuickBooks first."""
    BUG = "bug"
    """Nothing was done; we built the request wrong."""
    RECOVER = "recover"
    """Nobody knows whether it was done; find out before anything else."""


class Access(StrEnum):
    """Who can open the way when QuickBooks takes no call at all."""

    RETRY = "retry"
    """Time: the next run may simply work."""
    ADMIN = "admin"
    """The administrator of the company file, in its preferences."""
    OPEN_FILE = "open_file"
    """Whoever can open the right company file, in the right mode."""
    OURS = "ours"
    """We: the request was wrong."""
    CUSTOMER = "customer"
    """Whoever looks after the customer's computer and QuickBooks installation."""


@dataclass(frozen=True, slots=True)
class Status:
    """One qbXML status code, explained.

    `customer` is for the person at QuickBooks: at most two sentences, ASCII, under 200
    characters, what happened and what to do. `support` is what a colleague adds.
    """

    code: int
    verdict: Verdict
    name: str
    customer: str
    support: str


@dataclass(frozen=True, slots=True)
class HResult:
    """One COM error of QuickBooks or its request processor, explained.

    `code` is unsigned 32 bit, `hexadecimal` the same as Web Connector writes it
    ("0x80040408"). `permits_other_file` says whether answering `connectionError`
    with another company file can help. `customer` and `support` as in `Status`.
    """

    code: int
    hexadecimal: str
    access: Access
    name: str
    customer: str
    support: str
    permits_other_file: bool
