"""Commands that look at the views for support, in the words of the views."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click

from qbwc_server.cli.output import json_option, parts, reporting, show
from qbwc_server.cli.support_health import health
from qbwc_server.cli.support_token import logins, token
from qbwc_server.companies import registry
from qbwc_server.storage.support_reading import support_reading
from qbwc_server.support import in_two_companies
from qbwc_server.support import views as looking

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
    "exchanges": ("exchange", "what", "state", "why", "sent_at", "answered_at"),
    "calls": ("call", *_TOLD),
    "history": ("record", "about", "what", "who", "at", "detail"),
    "steps": ("job", "about", "what", "why", "who", "at"),
    "audit": ("company", "at", "what", "about", "refs", "who", "why", "detail"),
    "words": ("topic", "name", "what", "who_must_act", "next_step"),
}
_IN_TWO = ("what", "id", "company", "record", "other", "other_record")
_MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"])


@click.group()
def support() -> None:
    """Look at everything in plain words, of one company or of all.

    The same views can be asked with SQL; docs/support.md has thirty questions.
    """


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        json_option,
        click.option("--limit", default=50, show_default=True, type=click.IntRange(1)),
        click.option("--until", type=_MOMENT, help="Before then, in UTC."),
        click.option("--since", type=_MOMENT, help="Then or later, in UTC."),
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
    limit = values.pop("limit")
    company_id = None if company is None else registry.find(made.engine, company).id
    wanted = looking.Wanted(
        company_id=company_id,
        id=values.pop("id_"),
        since=_utc(values.pop("since")),
        until=_utc(values.pop("until")),
        **values,
    )
    try:
        with support_reading(made.engine) as connection:
            found = looking.look(connection, what, wanted, limit=limit)
    except looking.NotThere as error:
        raise click.UsageError(str(error)) from error
    show([row._asdict() for row in found], _COLUMNS[what], as_json=as_json)


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)


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


for _other in (token, logins, health):
    support.add_command(_other)
audit = _command("audit", "Who did what to companies and their records, and why.")
