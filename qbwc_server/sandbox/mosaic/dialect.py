"""What the real Mosaic may do otherwise than its reference lets one hope.

Each is an option with the answer that its reference leads one to expect; whoever works
with the sandbox turns one over to see what becomes of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

MissingNumber = Literal["left out", "404", "422"]


@dataclass
class Dialect:
    """How a Mosaic answers where its reference is silent.

    Args:
        takes_all: Whether `all=true` is taken; refused with 422 if not.
        missing_number: What a question for numbers answers of which one is not there:
            the others, or a refusal of the whole question.
        keeps_log: Whether there is a request log; 404 if not.
        between_pages: What people do after a page of time entries was given and before
            the next one: a list that slides while it is read.
    """

    takes_all: bool = True
    missing_number: MissingNumber = "left out"
    keeps_log: bool = True
    between_pages: Callable[[], object] | None = None
