"""What waits for somebody in all companies: a command a question."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

import click

from qbwc_server.cli.output import json_option, parts, reporting, show
from qbwc_server.cli.paging import More, say_more
from qbwc_server.companies import registry
from qbwc_server.storage.support_reading import support_reading
from qbwc_server.support import open_work
from qbwc_server.support.open_work import Asked, Key
from qbwc_server.support.views import MOST

_COLUMNS = ("company", "what", "reference", "about", "why", "next_step", "since")


@click.command("open")
@click.argument("which", type=click.Choice([*open_work.LISTS]), default="ours")
@click.option("--longer-than", default=60, help="Of stuck: minutes.", show_default=True)
@click.option("--company", help="Name or number of a company; else all.")
@click.option("--after", help="What the last page said to go on from.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1))
@json_option
@reporting
def open_(
    which: str,
    longer_than: int,
    company: str | None,
    after: str | None,
    limit: int,
    *,
    as_json: bool,
) -> None:
    """List what waits in all companies, what waits longest first.

    `ours` is all that support must act on; the others: conflicts, failed jobs, unread
    answers, doubtful writes, and what is stuck for longer than some minutes.
    """
    made = parts()
    known = None if company is None else registry.find(made.engine, company).id
    asked = Asked(which, made.clock(), timedelta(minutes=longer_than), known)
    more = None
    with support_reading(made.engine) as connection:
        found = open_work.look(connection, asked, limit=limit + 1, after=_key(after))
        if len(found) > limit:
            last = Key.read(found[limit - 1].key)
            many = open_work.left(connection, asked, last)
            more = More(None if many > MOST else many, f"--after {last} goes on")
    show([asdict(one) for one in found[:limit]], _COLUMNS, as_json=as_json)
    say_more(more, "of it")


def _key(text: str | None) -> Key | None:
    try:
        return None if text is None else Key.read(text)
    except ValueError:
        raise click.UsageError("--after takes what the last page said.") from None
