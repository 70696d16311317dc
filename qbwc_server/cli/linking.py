"""Commands by which a person links records and has a company go live."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from qbwc_server.app import Parts
from qbwc_server.cli.acting import ask_back, by_whom, operator, yes_option
from qbwc_server.cli.output import (
    dereference,
    json_option,
    parts,
    print_json,
    reference,
    reporting,
    show,
)
from qbwc_server.companies import registry
from qbwc_server.companies.registry import Company
from qbwc_server.decisions import bulk, linking, overlap
from qbwc_server.decisions.linking import Word
from qbwc_server.kinds.time_entry import in_hours
from qbwc_server.onboarding import forecast, going_live
from qbwc_server.storage.database import company_reading, company_transaction

_SHARE = "Linked although another company file of the team has it too."
_NOT_TOLD = (
    "Nobody said yes to the hours that Mosaic has already, so they wait for a word: "
    "see `company before-live`."
)
_OVERLAPS = ("record", "record_name", "data_type", "mosaic_id", "name", "advice")


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
        done = linking.link_by_hand(
            connection, company_id, number, mosaic_id, word, share=share
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


@click.command("go-live")
@click.argument("company")
@click.option(
    "--hold-earlier",
    is_flag=True,
    help="Have hours that Mosaic has already wait for a word: `company before-live`.",
)
@yes_option
@by_whom
@json_option
@reporting
def go_live(
    company: str,
    who: str,
    why: str | None,
    *,
    hold_earlier: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Have everything written that waits; refused while something is missing."""
    made = parts()
    found = registry.find(made.engine, company)
    reasons: list[str] = []
    asks = found.mode == "preview" and not hold_earlier
    previewed = asks and _told(made, found, yes=yes)
    try:
        done = going_live.go_live(
            made.engine, found, made.clock, who=who, previewed=previewed, why=why
        )
    except going_live.NotReady as error:
        done, reasons = False, error.reasons
    if as_json:
        print_json({"live": not reasons, "changed": done, "reasons": reasons})
    elif not reasons:
        click.echo(f"{found.name} is live{'' if done else ' already'}.")
    for reason in [] if as_json else reasons:
        click.echo(reason, err=True)
    if done and not previewed and found.before_live == "ask":
        click.echo(_NOT_TOLD, err=True)
    if reasons:
        raise click.exceptions.Exit(1)


def _told(made: Parts, company: Company, *, yes: bool) -> bool:
    """Tell what going live enters in QuickBooks and ask back; False: nobody can tell.

    What the worker's last preview says is no yes of anybody until it was shown.
    """
    with company_reading(made.engine, company.id) as connection:
        kept = forecast.last(connection, company.id)
    if kept is None or kept.enters is None:
        return False
    entries, minutes = kept.enters
    if entries and not yes:
        what = f"{entries:,} time entries of Mosaic, {in_hours(minutes)} hours,"
        question = f"{what} are entered in QuickBooks. Go on?"
        click.confirm(question, abort=True, err=True)
    return True
