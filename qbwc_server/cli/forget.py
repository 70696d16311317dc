"""The command that forgets a company."""

from __future__ import annotations

from pathlib import Path

import click

from qbwc_server.cli.acting import who_option
from qbwc_server.cli.output import json_option, parts, print_json, reporting, show
from qbwc_server.companies import registry
from qbwc_server.companies.registry import Company
from qbwc_server.operations import forgetting


@click.command("forget")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask back.")
@click.option(
    "--even-if-running",
    is_flag=True,
    help="Also while its Web Connector or a worker is at work.",
)
@who_option
@json_option
@reporting
def forget(
    name: str, who: str, *, yes: bool, even_if_running: bool, as_json: bool
) -> None:
    """Remove everything that is known of a company, and prove it.

    QuickBooks and Mosaic keep what they have. It cannot be undone.
    """
    made = parts()
    found = registry.find(made.engine, name)
    if not yes:
        click.confirm(
            f"Remove everything that is known of {found.name}? It cannot be undone.",
            abort=True,
            err=True,
        )
    done = forgetting.forget(
        made.engine,
        found,
        made.settings,
        now=made.clock(),
        who=who,
        even_if_running=even_if_running,
    )
    files = _remove_files(made.settings.data_dir, found)
    left = sum(done.left.values())
    if as_json:
        print_json(
            {
                "id": found.id,
                "removed": done.removed,
                "left": done.left,
                "files": files,
                "bytes": done.bytes_gone,
            }
        )
    else:
        rows = [
            {"table": table, "removed": count, "left": done.left[table]}
            for table, count in done.removed.items()
        ]
        show(rows, ("table", "removed", "left"), as_json=False)
        for one in files:
            click.echo(f"Removed {one}")
        click.echo(done.bytes_gone)
        click.echo("QuickBooks and Mosaic were not touched. Remove the connection")
        click.echo("from the Web Connector on the customer's computer.")
    if left:
        raise click.ClickException(f"{left} rows are left. Run it again.")


def _remove_files(folder: Path, found: Company) -> list[str]:
    """Remove the company's connection file from a folder; return what was removed.

    Whatever it is named, as an earlier version named it too: it has its OwnerID.
    """
    theirs = [
        path
        for path in sorted(folder.glob("mosaic-*.qwc"))
        if path.is_file() and found.owner_id in path.read_text("utf-8", "replace")
    ]
    for path in theirs:
        path.unlink()
    return [str(path) for path in theirs]
