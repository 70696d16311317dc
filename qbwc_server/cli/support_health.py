"""Is it us? How our own parts are now, and what was the matter at a moment."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import click

from qbwc_server.cli.output import json_option, parts, reporting, show
from qbwc_server.companies import registry
from qbwc_server.storage.support_reading import support_reading
from qbwc_server.support import health as looking

_MOMENT = click.DateTime(["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"])


@click.command("health")
@click.option("--company", help="Name or number of a company, with --at.")
@click.option("--at", type=_MOMENT, help="When, in the company file's own time.")
@json_option
@reporting
def health(company: str | None, at: datetime | None, *, as_json: bool) -> None:
    """Say how our servers, workers and Mosaic are; or what was wrong at a moment.

    With --company and --at: whether then the customer's computer was off or we were
    down.
    """
    made = parts()
    if (company is None) is not (at is None):
        raise click.UsageError("--company and --at go together.")
    if company is None or at is None:
        with support_reading(made.engine) as connection:
            found = looking.now(connection, made.clock())
        rows = [asdict(one) for one in found]
        columns = ("part", "what", "state", "who_must_act", "why", "next_step", "since")
        show(rows, (*columns, "last_seen_at"), as_json=as_json)
        return
    known = registry.find(made.engine, company)
    moment = at.replace(tzinfo=UTC) - timedelta(minutes=known.offset_minutes or 0)
    with support_reading(made.engine) as connection:
        then = looking.then(connection, known.id, moment)
    show(
        [asdict(one) for one in then], ("who", "why", "since", "until"), as_json=as_json
    )
