"""Lists of commands that are longer than what is shown: never cut silently."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import click


@dataclass(frozen=True, slots=True)
class More:
    """How many follow, None if they are too many to be counted, and how to go on."""

    many: int | None
    how: str


def say_more(more: More | None, what: str) -> None:
    """Say beside the list, on stderr, that it goes on; nothing where it does not."""
    if more is None:
        return
    many = "More" if more.many is None else f"{more.many} more"
    click.echo(f"{many} {what.replace('_', ' ')}: {more.how}.", err=True)


def cut(rows: Sequence[object], limit: int, what: str) -> None:
    """Say that more than `limit` rows were found, where one more was looked for."""
    if len(rows) > limit:
        how = f"--limit shows more, `support {what}` all of them page by page"
        say_more(More(None, how), what)
