"""Commands about records: what is in sync, what is not, and why."""

from __future__ import annotations

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
from qbwc_server.companies import registry
from qbwc_server.decisions import conflicts, gone, listing, one_or_two, resync
from qbwc_server.decisions.suggestions import Suggestion
from qbwc_server.kinds import KINDS, time_entry
from qbwc_server.kinds.tombstone import Who, Word
from qbwc_server.records import tombstones
from qbwc_server.records.one_or_two import joined
from qbwc_server.records.told import former
from qbwc_server.standing import reasons, to_see
from qbwc_server.storage import tables
from qbwc_server.storage.database import (
    company_reading,
    company_transaction,
)
from qbwc_server.words.history import told as telling

_RECORD = tables.record
_COLUMNS = ("id", "state", "kind", "name", "mosaic_type", "mosaic_id", "reason")
CHOSEN = {
    "link": "linked by a person",
    "new": "to be made anew",
    "none": "not to be linked",
    "later": "to be decided later",
}
"""What a person said of a record, in words."""
_HOW = {
    "typed": "typed on both sides",
    "lost": "sent, not answered, and found because it is equal",
}
_MOST_JOINED = 10_000


@click.group()
def records() -> None:
    """Look at the records and why they are not in sync."""


@records.command("list")
@click.option("--company", help="Name or number of a company.")
@click.option("--kind", type=click.Choice([*KINDS, time_entry.NAME]))
@click.option("--state", type=click.Choice(tables.RECORD_STATES))
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1))
@json_option
@reporting
def list_(
    company: str | None,
    kind: str | None,
    state: str | None,
    limit: int,
    *,
    as_json: bool,
) -> None:
    """List records."""
    with rows_of(parts().engine, _RECORD, company) as (connection, every):
        query = every
        if kind is not None:
            query = query.where(_RECORD.c.kind == kind)
        if state is not None:
            query = query.where(_RECORD.c.state == state)
        query = query.order_by(_RECORD.c.company_id, _RECORD.c.id).limit(limit + 1)
        rows = [_public(row) for row in connection.execute(query)]
    show(rows[:limit], _COLUMNS, as_json=as_json)
    cut(rows, limit, "records")


@records.command("show")
@click.argument("record")
@json_option
@reporting
def show_(record: str, *, as_json: bool) -> None:
    """Show one record: what each side has, and its history."""
    row, history = _find(record)
    if as_json:
        print_json({**_public(row), "history": history})
        return
    show_one(_public(row), as_json=False)
    click.echo()
    told = [{**one, "told": telling(one["detail"], row.company_id)} for one in history]
    show(told, ("at", "what", "by", "told"), as_json=False)


@records.command("explain")
@click.argument("record")
@json_option
@reporting
def explain(record: str, *, as_json: bool) -> None:
    """Say in plain words where a record stands and who must do what."""
    row, history = _find(record)
    company = registry.find(parts().engine, str(row.company_id))
    with company_reading(parts().engine, company.id) as connection:
        shown = listing.show(connection, company, [row.id])[0]
        held_by = reasons.holding(connection, company.id)
        once = former.of(connection, company.id, row.id)
    last = history[-1] if history else None
    told = {
        "record": reference(row.company_id, row.id),
        "what": f"{row.kind.replace('_', ' ')} {row.name}",
        "state": row.state,
        "why": shown.why,
        "who_must_act": shown.who,
        "next_step": shown.next_step,
        "choice": CHOSEN.get(shown.choice or "", shown.choice),
        "suggestions": [_suggested(one) for one in shown.suggestions] or None,
        "since": row.changed_at,
        "waits_since": (held_by and shown.state == "pending" and held_by.since) or None,
        "in_quickbooks": "deleted" if row.quickbooks_gone else row.quickbooks_id,
        "in_mosaic": _in_mosaic(row),
        "called_before": [_called(company.id, one) for one in once] or None,
        "conflict": row.conflict,
        "gone": row.gone,
        "last_event": last and last["what"],
        "last_event_tells": last and telling(last["detail"], company.id),
    }
    show_one(told, as_json=as_json)


@records.command("settle")
@click.argument("record")
@click.option(
    "--keep",
    "side",
    required=True,
    type=click.Choice(["quickbooks", "mosaic", "left"]),
    help="The side that is right; `left`: what a changed link left behind stays.",
)
@by_whom
@reporting
def settle(record: str, side: str, who: str, why: str | None) -> None:
    """Decide a conflict: the value of one side goes to the other."""
    row, _ = _find(record)
    made = parts()
    with company_transaction(made.engine, row.company_id) as connection:
        again = connection.execute(
            sa.select(_RECORD).where(
                _RECORD.c.company_id == row.company_id, _RECORD.c.id == row.id
            )
        ).one()
        done = conflicts.settle(
            connection, again, side, by=who, now=made.clock(), why=why
        )
    said = "stays as it is" if side == "left" else f"{side} is right"
    click.echo(f"{record}: {said}{'' if done else ', as was said already'}.")


@records.command("gone")
@click.argument("record")
@click.option(
    "--deleted/--not-deleted",
    "deleted",
    default=None,
    required=True,
    help="Whether it is deleted, or only not shown by Mosaic.",
)
@by_whom
@reporting
def gone_(record: str, who: str, why: str | None, *, deleted: bool) -> None:
    """Say whether time that Mosaic does not show, or shows again, is deleted.

    The word is for every record that is asked about with the same question.
    """
    row, _ = _find(record)
    made = parts()
    word = Word.DELETED if deleted else Word.STAYS
    with company_transaction(made.engine, row.company_id) as connection:
        again = connection.execute(
            sa.select(_RECORD).where(
                _RECORD.c.company_id == row.company_id, _RECORD.c.id == row.id
            )
        ).one()
        many = gone.say(connection, again, word, by=who, now=made.clock(), why=why)
    told = "deleted" if deleted else "not deleted"
    click.echo(f"{many} {'record is' if many == 1 else 'records are'} {told}.")


@records.command("one")
@click.argument("record", nargs=-1, required=True)
@click.option("--mosaic", "mosaic_id", type=int, help="The number in Mosaic.")
@by_whom
@reporting
def one_(
    record: tuple[str, ...], mosaic_id: int | None, who: str, why: str | None
) -> None:
    """Say that two entries of time are one: RECORD RECORD, or RECORD --mosaic NUMBER.

    Each must be on one side only. Where it is asked whether a lost creation is there
    (its record says so), it is that one.
    """
    company_id, first, second = _one_or_two(record)
    made = parts()
    with company_transaction(made.engine, company_id) as connection:
        told = one_or_two.one(
            connection,
            company_id,
            first,
            second,
            mosaic_id=mosaic_id,
            by=who,
            now=made.clock(),
            why=why,
        )
    click.echo(told)


@records.command("two")
@click.argument("record", nargs=-1, required=True)
@by_whom
@reporting
def two_(record: tuple[str, ...], who: str, why: str | None) -> None:
    """Say that entries of time are two, and stay so.

    One RECORD that was joined, because both sides had the same, is taken apart: each
    side gets the other's entry. Of one that asks whether it is in Mosaic already, what
    it names is other work. Two RECORDs, each on one side, are not joined.
    """
    company_id, first, second = _one_or_two(record)
    made = parts()
    with company_transaction(made.engine, company_id) as connection:
        told = one_or_two.two(
            connection, company_id, first, second, by=who, now=made.clock(), why=why
        )
    click.echo(told)


def _one_or_two(record: tuple[str, ...]) -> tuple[int, int, int | None]:
    """Return the company and the numbers of one or two records."""
    named = [dereference(one) for one in record]
    if len(named) > 2 or len({company_id for company_id, _ in named}) > 1:
        raise click.UsageError("Name one or two records of one company.")
    second = named[1][1] if len(named) > 1 else None
    return named[0][0], named[0][1], second


@records.command("joined")
@click.argument("company")
@click.option("--all", "every", is_flag=True, help="Also what somebody has seen.")
@click.option("--seen", is_flag=True, help="Take all of it off the list.")
@json_option
@reporting
def joined_(company: str, *, every: bool, seen: bool, as_json: bool) -> None:
    """List time that was typed on both sides and was taken for one entry each.

    It stays on the list until somebody has seen it; `records two` takes one apart.
    """
    made = parts()
    found = registry.find(made.engine, company)
    with company_transaction(made.engine, found.id) as connection:
        open_ones = to_see.of_joined(connection, found.id)
        rows = joined.rows(connection, found.id, limit=_MOST_JOINED, seen=every)
        if seen:
            ids = [row.record_id for row in rows]
            joined.see(connection, found.id, ids, made.clock())
    told = [
        {
            "record": reference(found.id, row.record_id),
            "name": row.name,
            "how": _HOW[row.how],
            "mosaic_id": row.mosaic_id,
            "at": row.at,
            "seen_at": row.seen_at,
        }
        for row in rows
    ]
    if as_json:
        print_json(told)
        return
    for one in open_ones:
        click.echo(f"{one}. Nobody has said yet that it was seen.")
    show(told, tuple(told[0]) if told else ("record",), as_json=False)


@records.command("resync")
@click.argument("record", nargs=-1, required=True)
@yes_option
@by_whom
@reporting
def resync_(record: tuple[str, ...], who: str, why: str | None, *, yes: bool) -> None:
    """Have records of one company read again from both sides and planned anew."""
    named = [dereference(one) for one in record]
    if len({company_id for company_id, _ in named}) > 1:
        raise click.UsageError("Name records of one company at a time.")
    ask_back(len(named), "Records are read again.", yes=yes)
    company_id, made = named[0][0], parts()
    with company_transaction(made.engine, company_id) as connection:
        numbers = [number for _, number in named]
        found = resync.some(
            connection, company_id, numbers, now=made.clock(), who=who, why=why
        )
    for number in numbers:
        if number not in found:
            name = reference(company_id, number)
            raise click.ClickException(f"There is no record {name}.")
    click.echo(f"{len(found)} read again with the next run.")


def _find(text: str) -> tuple[Any, list[dict[str, Any]]]:
    company_id, number = dereference(text)
    event = tables.record_event
    with company_reading(parts().engine, company_id) as connection:
        row = connection.execute(
            sa.select(_RECORD).where(
                _RECORD.c.company_id == company_id, _RECORD.c.id == number
            )
        ).first()
        if row is None:
            raise click.ClickException(_not_there(connection, company_id, number))
        history = [
            {"at": one.at, "what": one.what, "by": one.by, "detail": one.detail}
            for one in connection.execute(
                sa.select(event)
                .where(event.c.company_id == company_id, event.c.record_id == number)
                .order_by(event.c.id)
            )
        ]
    return row, history


def _not_there(connection: Connection, company_id: int, number: int) -> str:
    """Return that there is no such record, and which one took its place."""
    text = f"There is no record {reference(company_id, number)}."
    took = former.took(connection, company_id, number)
    return text if took is None else f"{text} It is {reference(company_id, took)} now."


def _suggested(one: Suggestion) -> str:
    found = "exactly" if one.exact else "to be confirmed"
    notes = [f"same {one.by}" if one.exact else one.by, found]
    notes += ["archived"] if one.archived else []
    notes += ["another company file of the team has it"] if one.elsewhere else []
    return f"{one.data_type} {one.mosaic_id} {one.name} ({', '.join(notes)})"


def _called(company_id: int, once: Any) -> str:
    """Return what a record was called on a side, and until when."""
    name = reference(company_id, once.value) if once.side == "record" else once.value
    where = {"quickbooks": "in QuickBooks", "mosaic": "in Mosaic", "guid": "by us"}
    return (
        f"{name} {where.get(once.side, 'as a record')} until {once.at:%Y-%m-%d %H:%M}"
    )


def _in_mosaic(row: Any) -> str:
    if row.mosaic_gone:
        stone = tombstones.mosaics(row)
        shown = stone is not None and stone.who is Who.NOT_SHOWN
        return "not shown" if shown else "deleted"
    return f"{row.mosaic_type} {row.mosaic_id}" if row.mosaic_id else "no"


def _public(row: Any) -> dict[str, Any]:
    return {
        **{
            name: getattr(row, name)
            for name in (
                *("kind", "state", "reason", "name", "quickbooks_id", "mosaic_type"),
                *("mosaic_id", "quickbooks", "mosaic", "agreed", "conflict", "day"),
                "gone",
                *("quickbooks_gone", "mosaic_gone", "external_guid"),
                *("edit_sequence", "time_modified", "waits_for", "choice", "due_at"),
                *("restored", "lost", "created_at", "changed_at"),
            )
        },
        "id": reference(row.company_id, row.id),
        "company_id": row.company_id,
    }
