"""Where a test may reach into a run of the sandbox Web Connector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Call:
    """One SOAP call: its method, arguments in order, and number in the run from 1."""

    number: int
    method: str
    arguments: tuple[tuple[str, str], ...]


class Interference(Protocol):
    """Sees each call twice and may raise one of the exceptions below."""

    def before(self, call: Call, /) -> None:
        """Look at a call that is about to be sent."""

    def after(self, call: Call, answer: bytes, /) -> None:
        """Look at a call whose answer has arrived but was not read yet."""


class Vanish(Exception):
    """The computer is gone: no further call, and the company file stays locked."""


class ConnectionLost(Exception):
    """The network failed: before the call it never arrived, after it the answer."""


class SendAgain(Exception):
    """The network delivered a call twice; the second answer is the one read."""
