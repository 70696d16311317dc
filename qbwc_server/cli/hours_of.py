"""The command that tells the hours of a period, and whether they are complete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any, Final, get_args

import click

from qbwc_server.cli.output import (
    json_option,
    parts,
    print_json,
    reference,
    reporting,
    show,
)
from qbwc_server.companies import registry
from qbwc_server.companies.registry import Company
from qbwc_server.kinds.time_entry import in_hours
from qbwc_server.standing import hours_report
from qbwc_server.standing.completeness import Group
from qbwc_server.standing.hours import Hours
from qbwc_server.standing.hours_report import By, Report, Sum
from qbwc_server.storage.database import company_reading

_DAY = click.DateTime(["%Y-%m-%d"])
_BOTH: Final = ("quickbooks", "mosaic", "difference")
_ENTRY: Final = (
    *("record", "day", "person", "job", "quickbooks", "mosaic", "reason", "why"),
)
_REASON: Final = (
    *("reason", "why", "entries", "quickbooks", "mosaic", "who_must_act", "next_step"),
)


@click.command("hours")
@click.argument("company")
@click.option("--from", "first", required=True, type=_DAY, help="The first day.")
@click.option("--to", "last", required=True, type=_DAY, help="The last day.")
@click.option(
    "--by",
    type=click.Choice(get_args(By)),
    multiple=True,
    help="Sums of each; without it of each person and of each job.",
)
@json_option
@reporting
def hours_(
    company: str, first: datetime, last: datetime, by: tuple[By, ...], *, as_json: bool
) -> None:
    """Tell the hours of a period on both sides, why they differ, and who must act.

    Whether they are complete for payroll is told first, and as of which reads.
    """
    if last < first:
        raise click.UsageError("--to is before --from.")
    made = parts()
    found = registry.find(made.engine, company)
    days = (first.date(), last.date())
    with company_reading(made.engine, found.id) as connection:
        report = hours_report.of(connection, found, *days, made.clock())
    sums = {what: report.by(what) for what in by or ("person", "job")}
    if as_json:
        print_json(_told(found, days, report, sums))
        return
    done = "complete" if not report.missing else "not complete"
    click.echo(f"{found.name}, {days[0]} to {days[1]}: {done}.")
    click.echo(
        f"QuickBooks as of {_moment(report.quickbooks_at)}, "
        f"Mosaic as of {_moment(report.mosaic_at)}."
    )
    if report.missing:
        click.echo()
        rows = [asdict(one) for one in report.missing]
        show(rows, ("what", "who_must_act", "next_step"), as_json=False)
    for what, every in sums.items():
        click.echo()
        rows = [_sum(what, one) for one in (*every, report.total)]
        show(rows, (what, *_BOTH), as_json=False)
    click.echo()
    show([_group(one) for one in report.groups], _REASON, as_json=False)
    if report.differing:
        click.echo()
        show(_entries(found, report.differing), _ENTRY, as_json=False)


def _sum(what: str, one: Sum) -> dict[str, Any]:
    unknown = f" and {one.unknown} unknown" if one.unknown else ""
    return {
        what: one.name if one.name is not None else f"(no {what})",
        "quickbooks": f"{in_hours(one.quickbooks_minutes)}{unknown}",
        "mosaic": in_hours(one.mosaic_minutes),
        "difference": in_hours(one.difference) if one.difference else "",
    }


def _group(one: Group) -> dict[str, Any]:
    return {
        **asdict(one),
        "why": one.happened,
        "quickbooks": in_hours(one.quickbooks_minutes),
        "mosaic": in_hours(one.mosaic_minutes),
    }


def _entries(company: Company, lines: Sequence[Hours]) -> list[dict[str, Any]]:
    return [
        {
            **asdict(one),
            "record": reference(company.id, one.record_id),
            "quickbooks": "unknown"
            if one.quickbooks_minutes is None
            else in_hours(one.quickbooks_minutes),
            "mosaic": in_hours(one.mosaic_minutes),
        }
        for one in lines
    ]


def _told(
    company: Company,
    days: tuple[date, date],
    report: Report,
    sums: dict[By, list[Sum]],
) -> dict[str, Any]:
    return {
        "company": company.name,
        "from": days[0].isoformat(),
        "to": days[1].isoformat(),
        "complete": not report.missing,
        "quickbooks_as_of": report.quickbooks_at,
        "mosaic_as_of": report.mosaic_at,
        "missing": [asdict(one) for one in report.missing],
        **{
            f"by_{what}": [
                {**asdict(one), "difference": one.difference} for one in every
            ]
            for what, every in sums.items()
        },
        "total": {**asdict(report.total), "difference": report.total.difference},
        "reasons": [asdict(one) for one in report.groups],
        "entries": [
            {
                **asdict(one),
                "record": reference(company.id, one.record_id),
                "difference": one.difference,
            }
            for one in report.differing
        ],
    }


def _moment(at: datetime | None) -> str:
    return "nothing" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"
