"""What the doctor says: one thing looked at, how it is, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """How one thing is; `do` is empty where there is nothing to do."""

    check: str
    state: State
    said: str
    do: str = ""
    company: str = ""


def ok(check: str, said: str, *, company: str = "") -> Finding:
    """Say that something is as it should be."""
    return Finding(check, "ok", said, company=company)


def warn(check: str, said: str, do: str, *, company: str = "") -> Finding:
    """Say that something will make trouble, or may."""
    return Finding(check, "warn", said, do, company)


def fail(check: str, said: str, do: str, *, company: str = "") -> Finding:
    """Say that something does not work."""
    return Finding(check, "fail", said, do, company)
