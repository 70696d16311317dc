"""Commands about what a restored backup did: listed, put back, or left as it is."""

from __future__ import annotations

import click
import sqlalchemy as sa

from qbwc_server.cli.acting import ask_back, by_whom, yes_option
from qbwc_server.cli.output import (
    dereference,
    json_option,
    parts,
    reference,
    reporting,
    show,
)
from qbwc_server.companies import registry
from qbwc_server.decisions import restored
from qbwc_server.kinds.time_entry import in_hours
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_reading, company_transaction

_RECORD = tables.record
_COLUMNS = ("id", "state", "restored", "hours", "name", "reason")
_all = click.option("--all", "company", help="All that is asked, of this company.")


@click.command("restored")
@click.argument("name")
@json_option
@reporting
def list_(name: str, *, as_json: bool) -> None:
    """List what a restored backup did in a company, with its hours."""
    found = registry.find(parts().engine, name)
    with company_reading(parts().engine, found.id) as connection:
        rows = connection.execute(
            sa.select(_RECORD)
            .where(_RECORD.c.company_id == found.id, _RECORD.c.restored.is_not(None))
            .order_by(_RECORD.c.id)
        ).all()
        told = restored.hours(connection, found.id)
    listed = [
        {
            "id": reference(found.id, row.id),
            "state": row.state,
            "restored": row.restored,
            "hours": in_hours(int((row.lost or {}).get("minutes") or 0)),
            "name": row.name,
            "reason": row.reason,
        }
        for row in rows
    ]
    show(listed, _COLUMNS, as_json=as_json)
    if told is not None and not as_json:
        click.echo(
            f"{told.entries} entries, {told.hours} hours: {told.by_person}. "
            f"{told.asked} of them are asked."
        )


@click.command("put-back")
@click.argument("record", nargs=-1)
@_all
@yes_option
@by_whom
@reporting
def put_back(
    record: tuple[str, ...],
    company: str | None,
    who: str,
    why: str | None,
    *,
    yes: bool,
) -> None:
    """Have entries back as they were before a backup was restored.

    What the restored file lacks is added to QuickBooks again, as we know it; what is
    older there gets its newer values; what is there again is deleted again. One that
    our own restored database did not know goes to the other side.
    """
    _say(record, company, who, why, back=True, yes=yes)


@click.command("leave")
@click.argument("record", nargs=-1)
@_all
@yes_option
@by_whom
@reporting
def leave(
    record: tuple[str, ...],
    company: str | None,
    who: str,
    why: str | None,
    *,
    yes: bool,
) -> None:
    """Say that entries are right as the restored company file has them.

    What it lacks is removed from Mosaic, too; what is older there, or there again, goes
    to Mosaic.
    """
    _say(record, company, who, why, back=False, yes=yes)


def _say(
    record: tuple[str, ...],
    company: str | None,
    who: str,
    why: str | None,
    *,
    back: bool,
    yes: bool,
) -> None:
    if bool(record) == (company is not None):
        raise click.UsageError(
            "Name records of one company, or the company with --all."
        )
    made = parts()
    if company is not None:
        company_id = registry.find(made.engine, company).id
        with company_reading(made.engine, company_id) as connection:
            numbers = restored.asked(connection, company_id, back=back)
    else:
        named = [dereference(one) for one in record]
        if len({one for one, _ in named}) > 1:
            raise click.UsageError("Name records of one company at a time.")
        company_id, numbers = named[0][0], [number for _, number in named]
    question = "They are put back." if back else "They are left as the file has them."
    ask_back(len(numbers), question, yes=yes)
    with company_transaction(made.engine, company_id) as connection:
        done = restored.say(
            connection,
            company_id,
            numbers,
            back=back,
            by=who,
            now=made.clock(),
            why=why,
        )
    told = "go back as they were" if back else "are right as the restored file has them"
    click.echo(f"{done} entries {told}.")
