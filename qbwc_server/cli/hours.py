"""Commands for questions about hours that one word answers for many."""

from __future__ import annotations

from dataclasses import asdict

import click

from qbwc_server.cli.acting import ask_back, by_whom, yes_option
from qbwc_server.cli.output import json_option, parts, reporting, show, show_one
from qbwc_server.companies import registry
from qbwc_server.companies.team.time_claims import EVERYBODY
from qbwc_server.decisions import before_live, billable, relinked, time_sharing
from qbwc_server.kinds.time_entry import in_hours
from qbwc_server.standing import unplaced
from qbwc_server.storage.database import company_reading, company_transaction

_SHARED_HOURS = (
    *("member_id", "person", "project_id", "project", "whose", "entries", "minutes"),
)
_RELINKED = ("what", "in_quickbooks", "in_mosaic", "entries", "hours")
_UNPLACED = ("what", "name", "mosaic_id", "entries", "hours")
_BILLABLE = ("billable_in", "entries", "hours")


@click.command("shared-hours")
@click.argument("company")
@click.option(
    "--person",
    type=int,
    help="The person's number in Mosaic; without it the word is of the whole project, "
    "with all people that both files have.",
)
@click.option("--project", type=int, help="The project's number in Mosaic.")
@click.option(
    "--ours/--theirs",
    default=None,
    help="Hours that are entered in Mosaic for them belong to this company file, or to "
    "the other one. The first word for any file of the team counts.",
)
@click.option(
    "--succeed",
    is_flag=True,
    help="Take over what companies of the team had in Mosaic that were forgotten.",
)
@yes_option
@by_whom
@json_option
@reporting
def shared_hours(
    company: str,
    person: int | None,
    project: int | None,
    who: str,
    why: str | None,
    *,
    ours: bool | None,
    succeed: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Show, or say, whose hours are on what several company files share in Mosaic."""
    if (ours is None) != (project is None) or (person and project is None):
        raise click.UsageError("Name --project and --ours or --theirs.")
    made = parts()
    found = registry.find(made.engine, company)
    if succeed:
        with company_transaction(made.engine, found.id) as connection:
            left = time_sharing.left_behind(connection, found.team)
        ask_back(left, f"{found.name} takes over time entries in Mosaic.", yes=yes)
    with company_transaction(made.engine, found.id) as connection:
        if succeed:
            time_sharing.succeed(connection, found, by=who, why=why, now=made.clock())
        if project is not None and ours is not None:
            time_sharing.say_whose(
                connection,
                found,
                EVERYBODY if person is None else person,
                project,
                mine=ours,
                by=who,
                why=why,
                now=made.clock(),
            )
        rows = [asdict(one) for one in time_sharing.shared_hours(connection, found)]
    show(rows, _SHARED_HOURS, as_json=as_json)


@click.command("relinked")
@click.argument("company")
@click.option(
    "--move/--leave",
    "move",
    default=None,
    help="Take them to where the links lead now, or leave them where they are.",
)
@yes_option
@by_whom
@json_option
@reporting
def relinked_(
    company: str,
    who: str,
    why: str | None,
    *,
    move: bool | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Show, move or leave hours that were sent before a link was put right."""
    made = parts()
    found = registry.find(made.engine, company)
    with company_reading(made.engine, found.id) as connection:
        waiting = relinked.groups(connection, found.id)
    if move is not None:
        entries = sum(one.entries for one in waiting)
        ask_back(entries, f"Hours {'are moved' if move else 'stay'}.", yes=yes)
        with company_transaction(made.engine, found.id) as connection:
            done = relinked.settle(
                connection, found.id, move=move, by=who, now=made.clock(), why=why
            )
        click.echo(f"{done} {'are moved with the next runs' if move else 'stay'}.")
        return
    rows = [{**asdict(one), "hours": in_hours(one.minutes)} for one in waiting]
    show(rows, _RELINKED, as_json=as_json)


@click.command("before-live")
@click.argument("company")
@click.option(
    "--add/--leave",
    "add",
    default=None,
    help="Have them entered in QuickBooks, or leave them in Mosaic alone.",
)
@yes_option
@by_whom
@json_option
@reporting
def before_live_(
    company: str,
    who: str,
    why: str | None,
    *,
    add: bool | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Show, add or leave hours that Mosaic had before the company went live."""
    made = parts()
    found = registry.find(made.engine, company)
    with company_reading(made.engine, found.id) as connection:
        entries, minutes = before_live.waiting(connection, found.id)
    hours = in_hours(minutes)
    if add is not None:
        where = "are entered in QuickBooks" if add else "stay in Mosaic alone"
        ask_back(entries, f"{hours} hours {where}.", yes=yes)
        with company_transaction(made.engine, found.id) as connection:
            before_live.say(
                connection, found, add=add, by=who, why=why, now=made.clock()
            )
    word = {True: "add", False: "leave", None: found.before_live}[add]
    told = {"said": word, "entries": entries, "hours": hours}
    show_one(told, as_json=as_json)


@click.command("unplaced")
@click.argument("company")
@json_option
@reporting
def unplaced_(company: str, *, as_json: bool) -> None:
    """Show what QuickBooks does not have and hours of Mosaic wait for."""
    made = parts()
    found = registry.find(made.engine, company)
    with company_reading(made.engine, found.id) as connection:
        rows = [
            {**asdict(one), "hours": in_hours(one.minutes)}
            for one in unplaced.of(connection, found.id)
        ]
    show(rows, _UNPLACED, as_json=as_json)


@click.command("billable")
@click.argument("company")
@click.option(
    "--keep",
    type=click.Choice(["quickbooks", "mosaic"]),
    help="Which side is right for all of them.",
)
@yes_option
@by_whom
@json_option
@reporting
def billable_(
    company: str,
    keep: str | None,
    who: str,
    why: str | None,
    *,
    yes: bool,
    as_json: bool,
) -> None:
    """Show, or settle, hours of both sides that differ in billable alone."""
    made = parts()
    found = registry.find(made.engine, company)
    with company_reading(made.engine, found.id) as connection:
        asked = billable.differing(connection, found.id)
    if keep is not None:
        ask_back(asked.entries, f"The other side gets what {keep} says.", yes=yes)
        with company_transaction(made.engine, found.id) as connection:
            billable.settle(
                connection, found.id, keep, by=who, now=made.clock(), why=why
            )
    rows = [
        {"billable_in": side, "entries": count, "hours": in_hours(minutes)}
        for side, (count, minutes) in asked.sides.items()
    ]
    show(rows, _BILLABLE, as_json=as_json)
