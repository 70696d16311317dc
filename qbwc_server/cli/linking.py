"""Commands by which a person links records and has a company go live."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from qbwc_server.cli.acting import ask_back, by_whom, operator, yes_option
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
from qbwc_server.companies import registry
from qbwc_server.decisions import (
    before_live,
    bulk,
    linking,
    overlap,
    relinked,
    time_sharing,
)
from qbwc_server.decisions.linking import Word
from qbwc_server.onboarding import forecast, going_live
from qbwc_server.storage.database import company_reading, company_transaction

_SHARE = "Linked although another company file of the team has it too."
_OVERLAPS = ("record", "record_name", "data_type", "mosaic_id", "name", "advice")
_SHARED_HOURS = (
    *("member_id", "person", "project_id", "project", "whose", "entries", "minutes"),
)
_RELINKED = ("what", "in_quickbooks", "in_mosaic", "entries", "hours")


@click.command("link")
@click.argument("record")
@click.argument("mosaic_id", type=int)
@click.option("--share", is_flag=True, help=_SHARE)
@by_whom
@reporting
def link(
    record: str, mosaic_id: int, who: str, why: str | None, *, share: bool
) -> None:
    """Link a person, customer, job or item to the object of Mosaic with a number."""
    company_id, number = dereference(record)
    made = parts()
    with company_transaction(made.engine, company_id) as connection:
        word = Word(who, made.clock(), why)
        done = linking.link(
            connection, company_id, number, mosaic_id, word, share=share
        )
        if done:
            registry.audit(
                connection,
                company_id,
                word.now,
                who=word.by,
                what="record linked",
                why=why,
                detail={"record": number, "mosaic_id": mosaic_id},
            )
    click.echo(f"{record} is {'linked' if done else 'linked already'}.")


@click.command("unlink")
@click.argument("record")
@by_whom
@json_option
@reporting
def unlink(record: str, who: str, why: str | None, *, as_json: bool) -> None:
    """Take a record's counterpart from it; neither side is changed."""
    _say((record,), "unlink", who, why, share=False, as_json=as_json)


@click.command("choose")
@click.argument("records", nargs=-1, required=True)
@click.option(
    "--as",
    "said",
    required=True,
    type=click.Choice([*linking.WAYS, "match", "undo"]),
    help="Made anew; not linked; decided later; linked to its exact match; or the "
    "last choice is taken back.",
)
@click.option("--share", is_flag=True, help=_SHARE)
@yes_option
@by_whom
@json_option
@reporting
def choose(
    records: tuple[str, ...],
    said: bulk.Said,
    who: str,
    why: str | None,
    *,
    share: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Say of records of one company what shall become of them in Mosaic."""
    ask_back(len(records), f"{said} is said of records.", yes=yes)
    _say(records, said, who, why, share=share, as_json=as_json)


def _say(
    records: tuple[str, ...],
    said: bulk.Said,
    who: str,
    why: str | None,
    *,
    share: bool,
    as_json: bool,
) -> None:
    numbers = [dereference(one) for one in records]
    if len({company_id for company_id, _ in numbers}) > 1:
        raise click.UsageError("Name records of one company at a time.")
    made = parts()
    company = registry.find(made.engine, str(numbers[0][0]))
    answer = bulk.say(
        made.engine,
        company,
        said,
        [number for _, number in numbers],
        by=who,
        clock=made.clock,
        why=why,
        share=share,
    )
    refused = [
        {"record": reference(company.id, number), "why": reason}
        for number, reason in answer.refused
    ]
    if as_json:
        counts = {"changed": answer.changed, "unchanged": answer.unchanged}
        print_json({**counts, "refused": refused})
    else:
        click.echo(f"{answer.changed} changed, {answer.unchanged} were so already.")
        for one in refused:
            click.echo(f"{one['record']}: {one['why']}", err=True)
    if refused:
        raise click.exceptions.Exit(1)


@click.command("overlap")
@click.argument("company")
@click.option(
    "--share",
    is_flag=True,
    help="Link all that needs a word: both company files share it.",
)
@yes_option
@json_option
@reporting
def overlap_(company: str, *, share: bool, yes: bool, as_json: bool) -> None:
    """Show what another company file of the same Mosaic team has too."""
    made = parts()
    found = registry.find(made.engine, company)
    common = overlap.look(made.engine, found, made.clock)
    open_ones = [one.record_id for one in common if one.needs_word]
    if share and open_ones:
        ask_back(len(open_ones), "All that needs a word is linked.", yes=yes)
        bulk.say(
            made.engine,
            found,
            "match",
            [one for one in open_ones if one is not None],
            by=operator(),
            clock=made.clock,
            why="Both company files share it.",
            share=True,
        )
        common = overlap.look(made.engine, found, made.clock)
    rows: list[dict[str, Any]] = [
        {
            **asdict(one),
            "record": one.record_id and reference(found.id, one.record_id),
        }
        for one in common
    ]
    show(rows, _OVERLAPS, as_json=as_json)


@click.command("shared-hours")
@click.argument("company")
@click.option("--person", type=int, help="The person's number in Mosaic.")
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
    if (ours is None) != (person is None) or (person is None) != (project is None):
        raise click.UsageError("Name --person, --project and --ours or --theirs.")
    made = parts()
    found = registry.find(made.engine, company)
    if succeed:
        with company_transaction(made.engine, found.id) as connection:
            left = time_sharing.left_behind(connection, found.team)
        ask_back(left, f"{found.name} takes over time entries in Mosaic.", yes=yes)
    with company_transaction(made.engine, found.id) as connection:
        if succeed:
            time_sharing.succeed(connection, found, by=who, why=why, now=made.clock())
        if person is not None and project is not None and ours is not None:
            time_sharing.say_whose(
                connection,
                found,
                person,
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
    rows = [
        {**asdict(one), "hours": f"{one.minutes // 60}:{one.minutes % 60:02}"}
        for one in waiting
    ]
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
    hours = f"{minutes // 60}:{minutes % 60:02}"
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


@click.command("go-live")
@click.argument("company")
@json_option
@reporting
def go_live(company: str, *, as_json: bool) -> None:
    """Have everything written that waits; refused while something is missing."""
    made = parts()
    found = registry.find(made.engine, company)
    reasons: list[str] = []
    try:
        with company_reading(made.engine, found.id) as connection:
            seen = forecast.last(connection, found.id) is not None
        done = going_live.go_live(
            made.engine, found, made.clock, who=operator(), previewed=seen
        )
    except going_live.NotReady as error:
        done, reasons = False, error.reasons
    if as_json:
        print_json({"live": not reasons, "changed": done, "reasons": reasons})
    elif not reasons:
        click.echo(f"{found.name} is live{'' if done else ' already'}.")
    for reason in [] if as_json else reasons:
        click.echo(reason, err=True)
    if reasons:
        raise click.exceptions.Exit(1)
