"""The command that gives an auditor what is known of a company's hours."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from qbwc_server.cli.acting import by_whom
from qbwc_server.cli.output import parts, reporting, show
from qbwc_server.companies import registry
from qbwc_server.support import export

_DAY = click.DateTime(["%Y-%m-%d"])


@click.command("export")
@click.argument("name")
@click.option("--from", "first", required=True, type=_DAY, help="The first day.")
@click.option("--to", "last", required=True, type=_DAY, help="The last day.")
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(path_type=Path),
    help="A folder that is not there yet; else one here, named by company and days.",
)
@by_whom
@reporting
def export_(
    name: str,
    first: datetime,
    last: datetime,
    folder: Path | None,
    who: str,
    why: str | None,
) -> None:
    """Write a company's hours of a period, and all that was done to them, as files.

    `sha256sum -c SHA256SUMS` in the folder says whether they are as they were made.
    """
    if last < first:
        raise click.UsageError("--to is before --from.")
    made = parts()
    found = registry.find(made.engine, name)
    days = (first.date(), last.date())
    into = folder or Path(f"company-{found.id}-{days[0]}-{days[1]}")
    try:
        files = export.export(
            made.engine, found, *days, into, now=made.clock(), who=who, why=why
        )
    except FileExistsError as error:
        raise click.ClickException(f"{into} is there already.") from error
    rows = [{"file": one.name, "rows": one.rows, "what": one.about} for one in files]
    show(rows, ("file", "rows", "what"), as_json=False)
    click.echo(f"In {into}, with {export.SUMS}.")
