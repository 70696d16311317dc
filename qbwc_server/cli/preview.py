"""The command that shows what a first live sync would do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

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
from qbwc_server.kinds import KINDS, time_entry
from qbwc_server.onboarding.preview import WOULD, Group, One, preview

_PLURALS = {
    **{kind.name: kind.plural for kind in KINDS.values()},
    time_entry.NAME: time_entry.PLURAL,
}
_LISTS = {
    "people": "People",
    "jobs": "Customers and jobs",
    "items": "Service items",
}


@click.command("preview")
@click.argument("company")
@click.option(
    "--limit",
    default=20,
    show_default=True,
    type=click.IntRange(1),
    help="Lines of each list; with --json all are told.",
)
@json_option
@reporting
def preview_(company: str, limit: int, *, as_json: bool) -> None:
    """Show what the next live sync would do: counts first, then what needs a person.

    Planned from what was read last, in a copy; nothing is changed on either side.
    """
    made = parts()
    found = registry.find(made.engine, company)
    told = preview(made.engine, found, made.settings, made.clock)
    counts = [
        {"kind": _PLURALS[kind], "entries": count, "what": WOULD[outcome]}
        for kind, outcomes in told.counts.items()
        for outcome, count in sorted(
            outcomes.items(), key=lambda one: list(WOULD).index(one[0])
        )
    ]
    if as_json:
        lists = {
            name: [_one(found.id, one) for one in getattr(told, name)]
            for name in _LISTS
        }
        print_json(
            {
                "company": found.name,
                "remarks": told.remarks,
                "counts": told.counts,
                **lists,
                "time": [_group(found.id, one) for one in told.time],
            }
        )
        return
    for remark in told.remarks:
        click.echo(remark)
    show(counts, ("kind", "entries", "what"), as_json=False)
    for name, title in _LISTS.items():
        rows = [_one(found.id, one) for one in getattr(told, name)]
        _list(title, rows, ("id", "name", "what", "reason"), limit)
    rows = [_group(found.id, one) for one in told.time]
    _list("Time", rows, ("entries", "hours", "what", "reason", "for_example"), limit)


def _list(
    title: str, rows: Sequence[dict[str, Any]], columns: Sequence[str], limit: int
) -> None:
    if not rows:
        return
    click.echo(f"\n{title}")
    show(rows[:limit], columns, as_json=False)
    if len(rows) > limit:
        click.echo(f"and {len(rows) - limit} more; --limit or --json shows them.")


def _one(company_id: int, one: One) -> dict[str, Any]:
    told = asdict(one)
    return {
        "id": reference(company_id, told.pop("record_id")),
        **told,
        "what": WOULD[one.outcome],
    }


def _group(company_id: int, one: Group) -> dict[str, Any]:
    told = asdict(one)
    return {
        "for_example": reference(company_id, told.pop("record_id")),
        **told,
        "hours": round(one.minutes / 60, 2),
        "what": WOULD[one.outcome],
    }
