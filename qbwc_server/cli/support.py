"""Commands that look at the views for support, in the words of the views."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import click
from sqlalchemy.engine import Connection, Row

from qbwc_server.cli.output import (
    dereference,
    json_option,
    parts,
    reference,
    reporting,
    show,
)
from qbwc_server.cli.paging import More, say_more
from qbwc_server.cli.support_health import health
from qbwc_server.cli.support_open import open_
from qbwc_server.cli.support_token import logins, token
from qbwc_server.cli.times import CLOCK, DAYS, MOMENT, in_utc
from qbwc_server.companies import registry
from qbwc_server.storage.support_reading import support_reading
from qbwc_server.support import in_two_companies
from qbwc_server.support import views as looking
from qbwc_server.words.history import told

_TOLD = ("what", "state", "why", "who_must_act", "next_step", "since")
_COLUMNS: dict[str, tuple[str, ...]] = {
    "companies": ("company_id", *_TOLD),
    "attentions": (
        *("company_id", "company", "since", "last_seen_at", "who_must_act", "why"),
        *("next_step", "many"),
    ),
    "outages": ("part", "company", "why", "since", "until"),
    "failed_logins": (
        *("company_id", "company", "address", "whose", "first_at", "last_at"),
        *("times", "last_seen_at"),
    ),
    "sessions": ("session", *_TOLD),
    "jobs": ("job", *_TOLD, "waits_since"),
    "records": ("record", *_TOLD),
    "exchanges": (
        *("exchange", "what", "state", "why", "sent_at", "local_sent_at"),
        "answered_at",
    ),
    "calls": ("call", *_TOLD),
    "history": ("record", "about", "what", "who", "at", "local_at", "told"),
    "former_ids": ("company", "value", "side", "record", "what", "at"),
    "clocks": ("company_id", "company", "offset_minutes"),
    "steps": ("job", "about", "what", "why", "who", "at", "local_at"),
    "audit": (
        *("company", "at", "local_at", "what", "about", "refs", "who", "why"),
        "detail",
    ),
    "words": ("topic", "name", "what", "who_must_act", "next_step"),
}
_IN_TWO = ("what", "id", "company", "record", "other", "other_record")


@click.group()
def support() -> None:
    """Look at everything in plain words, of one company or of all.

    The same views can be asked with SQL; docs/support.md has the questions.
    """


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        json_option,
        click.option("--limit", default=50, show_default=True, type=click.IntRange(1)),
        click.option("--after", metavar="3-17", help="Go on after that one."),
        click.option("--until", type=MOMENT, help=f"Before then, {CLOCK}."),
        click.option("--since", type=MOMENT, help=f"Then or later, {CLOCK}."),
        click.option("--file", help="A part of a company file's name or path."),
        click.option("--text", help="A text in a message, with --company and --since."),
        click.option("--days", type=DAYS, help="A day of work, or two: 2026-11-16.."),
        click.option("--job", help="A part of a customer's or job's name, of time."),
        click.option("--person", help="A part of the name of who worked."),
        click.option("--name", help="A part of its name."),
        click.option(
            "--id",
            "id_",
            help="What you have of it: TxnID, ListID, Mosaic's number, 3-17, a code.",
        ),
        click.option("--kind", help="employee, customer, time_entry, ..."),
        click.option("--who", help="Who must act: customer, support or nobody."),
        click.option("--state", help="Where it stands."),
        click.option("--company", help="Name or number of a company."),
    ):
        command = option(command)
    return command


def _look(what: str, *, company: str | None, as_json: bool, **values: Any) -> None:
    made = parts()
    limit, after = values.pop("limit"), values.pop("after")
    known = None if company is None else registry.find(made.engine, company)
    offset = None if known is None else known.offset_minutes
    until = in_utc(values.pop("until"), offset)
    if values["text"] is not None and until is None:
        until = made.clock()
    wanted = looking.Wanted(
        company_id=None if known is None else known.id,
        id=values.pop("id_"),
        since=in_utc(values.pop("since"), offset),
        until=until,
        days=values.pop("days") or (None, None),
        after=after and _key(after),
        **values,
    )
    try:
        with support_reading(made.engine) as connection:
            found = looking.look(connection, what, wanted, limit=limit + 1)
            more = _more(connection, what, wanted, found, limit)
    except looking.NotThere as error:
        raise click.UsageError(str(error)) from error
    rows = [row._asdict() for row in found[:limit]]
    if what == "history" and not as_json:
        for row in rows:
            row["told"] = told(row["detail"], row["company_id"])
    show(rows, _COLUMNS[what], as_json=as_json)
    say_more(more, what)


def _key(text: str) -> tuple[int, int]:
    return (int(text), 0) if text.isdecimal() else dereference(text)


def _more(
    connection: Connection,
    what: str,
    wanted: looking.Wanted,
    found: Sequence[Row[Any]],
    limit: int,
) -> More | None:
    """Return how many rows follow those that are shown, and how to go on."""
    if len(found) <= limit:
        return None
    key = looking.key(what, found[limit - 1])
    if key is None:
        return More(None, "--limit shows more")
    many = looking.left(connection, what, replace(wanted, after=key))
    name = str(key[0]) if key[1] == 0 else reference(*key)
    return More(None if many > looking.MOST else many, f"--after {name} goes on")


def _command(what: str, about: str) -> click.Command:
    @click.command(what.replace("_", "-"), help=about)
    @_options
    @reporting
    def command(**values: Any) -> None:
        _look(what, **values)

    return command


for _what, _about in {
    "companies": "What hinders each company, and who must act.",
    "attentions": "All that hinders each company, not only the first.",
    "outages": "What was the matter when: ours, Mosaic's, and a company's.",
    "failed_logins": "Wrong passwords, where they came from, and whose that is.",
    "sessions": "Runs of Web Connector, and how they ended.",
    "jobs": "Work for QuickBooks, and what came of it.",
    "records": "What is known on either side, and why it is not in sync.",
    "exchanges": "What was sent to QuickBooks when; `exchanges show` has the text.",
    "calls": "What was written to Mosaic, and what came of it.",
    "history": "What happened to records, and what was replaced.",
    "former_ids": "What records were called and are not any more.",
    "clocks": "The clock of each company's computer.",
    "steps": "What happened to jobs, step by step.",
    "audit": "Who did what, and why.",
    "words": "What a state or an error means.",
}.items():
    support.add_command(_command(_what, _about))


@support.command("in-two-companies")
@json_option
@reporting
def in_two(*, as_json: bool) -> None:
    """Name every time entry that two companies have; there is none if all is right."""
    with support_reading(parts().engine) as connection:
        found = in_two_companies.look(connection)
    if not found and not as_json:
        click.echo("No time entry is of two companies.")
        return
    show([row._asdict() for row in found], _IN_TWO, as_json=as_json)


for _other in (token, logins, health, open_):
    support.add_command(_other)
audit = _command("audit", "Who did what to companies and their records, and why.")
