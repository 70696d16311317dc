"""Commands about the queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.cli.acting import ask_back, by_whom, yes_option
from qbwc_server.cli.output import (
    dereference,
    json_option,
    parts,
    print_json,
    reference,
    reporting,
    show,
    show_one,
)
from qbwc_server.cli.paging import cut
from qbwc_server.cli.scope import rows_of
from qbwc_server.jobs import by_hand
from qbwc_server.jobs.queue import Job
from qbwc_server.storage import tables
from qbwc_server.storage.database import (
    company_reading,
    company_transaction,
)

_JOB = tables.job
_COLUMNS = ("id", "state", "kind", "action", "summary", "reason", "attempt", "run_at")


@click.group()
def jobs() -> None:
    """Look at the jobs for QuickBooks, and decide about those that failed."""


@jobs.command("list")
@click.option("--company", help="Name or number of a company.")
@click.option("--state", type=click.Choice(tables.JOB_STATES))
@click.option("--most-tried", is_flag=True, help="What was tried most stands first.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1))
@json_option
@reporting
def list_(
    company: str | None,
    state: str | None,
    limit: int,
    *,
    most_tried: bool,
    as_json: bool,
) -> None:
    """List jobs, the newest first."""
    with rows_of(parts().engine, _JOB, company) as (connection, every):
        query = every
        if state is not None:
            query = query.where(_JOB.c.state == state)
        if most_tried:
            query = query.order_by(_JOB.c.attempt.desc())
        query = query.order_by(_JOB.c.created_at.desc(), _JOB.c.id.desc()).limit(
            limit + 1
        )
        rows = [_public(row) for row in connection.execute(query)]
    show(rows[:limit], _COLUMNS, as_json=as_json)
    cut(rows, limit, "jobs")


@jobs.command("show")
@click.argument("job")
@json_option
@reporting
def show_(job: str, *, as_json: bool) -> None:
    """Show one job with its history and what was sent and answered."""
    company_id, number = dereference(job)
    event, exchange = tables.job_event, tables.exchange
    made = parts()
    with company_reading(made.engine, company_id) as connection:
        row = connection.execute(
            sa.select(_JOB).where(_JOB.c.company_id == company_id, _JOB.c.id == number)
        ).first()
        if row is None:
            raise click.ClickException(f"There is no job {job}.")
        history = [
            {
                "at": one.at,
                "from": one.from_state,
                "to": one.to_state,
                "by": one.by,
                "reason": one.reason,
            }
            for one in connection.execute(
                sa.select(event)
                .where(event.c.company_id == company_id, event.c.job_id == number)
                .order_by(event.c.id)
            )
        ]
        sent = connection.execute(
            sa.select(exchange).where(
                exchange.c.company_id == company_id, exchange.c.id == row.exchange_id
            )
        ).first()
    texts = {
        "request": None if sent is None else sent.request,
        "answer": None if sent is None else sent.answer,
    }
    if as_json:
        print_json({**_public(row), "history": history, **texts})
        return
    show_one(_public(row), as_json=False)
    click.echo()
    show(history, ("at", "from", "to", "by", "reason"), as_json=False)
    for name, text in texts.items():
        if text:
            click.echo(f"\n{name}:\n{text[:2000]}")


@jobs.command("retry")
@click.argument("job", nargs=-1, required=True)
@yes_option
@by_whom
@reporting
def retry(job: tuple[str, ...], who: str, why: str | None, *, yes: bool) -> None:
    """Have failed jobs tried again; what may have been done is looked for first."""
    ask_back(len(job), "Jobs are tried again.", yes=yes)
    for one in job:
        _decide(one, by_hand.retry, who, why)


@jobs.command("cancel")
@click.argument("job", nargs=-1, required=True)
@yes_option
@by_whom
@reporting
def cancel(job: tuple[str, ...], who: str, why: str | None, *, yes: bool) -> None:
    """Take jobs back that have not left or have failed; records are planned anew."""
    ask_back(len(job), "Jobs are taken back.", yes=yes)
    for one in job:
        _decide(one, by_hand.cancel, who, why)


@jobs.command("found")
@click.argument("job")
@click.argument("txn_id")
@by_whom
@reporting
def found(job: str, txn_id: str, who: str, why: str | None) -> None:
    """Say that QuickBooks has what a job in doubt added, as the entry TXN_ID."""

    def decide(connection: Connection, one: Job, **said: Any) -> str:
        return by_hand.found(connection, one, txn_id, **said)

    _decide(job, decide, who, why)


@jobs.command("missing")
@click.argument("job", nargs=-1, required=True)
@yes_option
@by_whom
@reporting
def missing(job: tuple[str, ...], who: str, why: str | None, *, yes: bool) -> None:
    """Say that QuickBooks does not have what jobs in doubt were to add."""
    ask_back(len(job), "Entries are added to QuickBooks again.", yes=yes)
    for one in job:
        _decide(one, by_hand.missing, who, why)


@jobs.command("leave")
@click.argument("job", nargs=-1, required=True)
@yes_option
@by_whom
@reporting
def leave(job: tuple[str, ...], who: str, why: str | None, *, yes: bool) -> None:
    """Leave what jobs in doubt were to add as it is; the entries take no part."""
    ask_back(len(job), "Entries are left out.", yes=yes)
    for one in job:
        _decide(one, by_hand.leave, who, why)


def _decide(text: str, decide: Callable[..., str], who: str, why: str | None) -> None:
    company_id, number = dereference(text)
    made = parts()
    with company_transaction(made.engine, company_id) as connection:
        row = by_hand.find(connection, company_id, number)
        if row is None:
            raise click.ClickException(f"There is no job {text}.")
        said = decide(connection, row, by=who, now=made.clock(), why=why)
    click.echo(f"{text}: {said}")


def _public(row: Any) -> dict[str, Any]:
    return {
        **{
            name: getattr(row, name)
            for name in (
                *("state", "kind", "action", "summary", "reason", "attempt"),
                *("max_attempts", "created_at", "run_at", "sent_at", "finished_at"),
                *("priority", "cursor"),
            )
        },
        "id": reference(row.company_id, row.id),
        "company_id": row.company_id,
        "record": row.record_id and reference(row.company_id, row.record_id),
    }
