"""Commands about exchanges: what was sent to QuickBooks and what it answered."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click
import sqlalchemy as sa

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
from qbwc_server.companies import registry
from qbwc_server.quickbooks import replays
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction

_TABLE = tables.exchange
_COLUMNS = ("id", "state", "purpose", "sent_at", "needs_replay", "hresult", "reason")
_SHOWN = 4000


@click.group()
def exchanges() -> None:
    """Look at what was sent and answered, and replay what our program failed on."""


@exchanges.command("list")
@click.option("--company", help="Name or number of a company.")
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), help="Sent on that day or later."
)
@click.option("--problem", is_flag=True, help="Only those that need somebody.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1))
@json_option
@reporting
def list_(
    company: str | None,
    since: datetime | None,
    *,
    problem: bool,
    limit: int,
    as_json: bool,
) -> None:
    """List exchanges, the newest first."""
    with rows_of(parts().engine, _TABLE, company) as (connection, every):
        query = every
        if since is not None:
            query = query.where(_TABLE.c.sent_at >= since.replace(tzinfo=UTC))
        if problem:
            lost = _TABLE.c.state.in_(("lost", "refused"))
            query = query.where(lost | _TABLE.c.failed_at.is_not(None))
        query = query.order_by(_TABLE.c.sent_at.desc(), _TABLE.c.id.desc()).limit(
            limit + 1
        )
        rows = [_public(row) for row in connection.execute(query)]
    show(rows[:limit], _COLUMNS, as_json=as_json)
    cut(rows, limit, "exchanges")


@exchanges.command("show")
@click.argument("exchange")
@json_option
@reporting
def show_(exchange: str, *, as_json: bool) -> None:
    """Show one exchange with its request and its answer."""
    company_id, number = dereference(exchange)
    with company_transaction(parts().engine, company_id) as connection:
        row = connection.execute(
            sa.select(_TABLE).where(
                _TABLE.c.company_id == company_id, _TABLE.c.id == number
            )
        ).first()
    if row is None:
        raise click.ClickException(f"There is no exchange {exchange}.")
    texts = {"request": row.request, "answer": row.answer}
    if as_json:
        print_json({**_public(row), **texts})
        return
    show_one(_public(row), as_json=False)
    for name, text in texts.items():
        if text:
            click.echo(f"\n{name}:\n{text[:_SHOWN]}")
            if len(text) > _SHOWN:
                click.echo(f"... {len(text) - _SHOWN} more; --json shows all.")


@exchanges.command("replay")
@click.argument("exchange", required=False)
@click.option("--company", help="Every exchange of a company that needs it.")
@click.option("--all", "everywhere", is_flag=True, help="Those of all companies.")
@yes_option
@by_whom
@json_option
@reporting
def replay(
    exchange: str | None,
    company: str | None,
    who: str,
    why: str | None,
    *,
    everywhere: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Work again with answers that our program failed on; meant for after the fix.

    It can be said again without harm.
    """
    if sum((exchange is not None, company is not None, everywhere)) != 1:
        raise click.UsageError("Name one exchange, or --company, or --all.")
    made = parts()
    if exchange is not None:
        wanted = [dereference(exchange)]
    else:
        of = (
            [registry.find(made.engine, company)]
            if company is not None
            else registry.every(made.engine)
        )
        wanted = []
        for one in of:
            with company_transaction(made.engine, one.id) as connection:
                wanted += [(one.id, id_) for id_ in replays.failed(connection, one.id)]
    ask_back(len(wanted), "Answers are worked with again.", yes=yes)
    told = []
    for company_id, number in wanted:
        done = replays.replay(
            made.engine,
            company_id,
            number,
            now=made.clock(),
            who=who,
            why=why,
        )
        told.append(
            {
                "exchange": reference(company_id, number),
                "replayed": done.why_not is None,
                "told": done.told(),
            }
        )
    show(told, ("exchange", "replayed", "told"), as_json=as_json)
    if any(not one["replayed"] for one in told):
        raise SystemExit(1)


def _public(row: Any) -> dict[str, Any]:
    names = ("state", "purpose", "sent_at", "answered_at", "applied_at", "failed_at")
    return {
        "id": reference(row.company_id, row.id),
        "company_id": row.company_id,
        **{name: getattr(row, name) for name in names},
        "needs_replay": row.failed_at is not None,
        "writes": row.writes,
        "message_set_id": row.message_set_id,
        "session": reference(row.company_id, row.session_id),
        "hresult": row.hresult,
        "message": row.message,
        "reason": row.reason,
    }
