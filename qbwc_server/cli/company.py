"""Commands about companies and their connection files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from qbwc_server import private, setting_values
from qbwc_server.app import Parts
from qbwc_server.cli.acting import by_whom
from qbwc_server.cli.output import (
    json_option,
    parts,
    print_json,
    reporting,
    show,
    show_one,
)
from qbwc_server.companies import connection_file, registry
from qbwc_server.companies.registry import Company
from qbwc_server.decisions import company_settings, restored
from qbwc_server.kinds.restored import WAYS, Way
from qbwc_server.operations import forgetting
from qbwc_server.quickbooks.restores import deciding
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_reading, company_transaction
from qbwc_server.words.qwc import file_name

_COLUMNS = ("id", "name", "mode", "file_name", "last_session_at", "attention")


def _of_mosaic(_context: object, _option: object, value: str | None) -> str | None:
    try:
        return None if value is None else setting_values.mosaic(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.group()
def company() -> None:
    """Add, list, show and change companies."""


@company.command("add")
@click.argument("name")
@click.option(
    "--mosaic-url", required=True, callback=_of_mosaic, help="Mosaic's API server."
)
@click.option("--mosaic-team", required=True, help="The Mosaic Team ID.")
@click.option(
    "--mosaic-key-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file holding the Mosaic API key.",
)
@click.option(
    "--mode",
    type=click.Choice(["preview", "live"]),
    default="preview",
    show_default=True,
    help="Whether it only reads until somebody has it go live.",
)
@click.option(
    "--structure",
    type=click.Choice(tables.STRUCTURES),
    default="client",
    help="What a top-level customer is in Mosaic.",
)
@click.option("--poll-every", default=1, type=click.IntRange(1), help="Minutes.")
@click.option("--read-every", default=15, type=click.IntRange(1), help="Minutes.")
@json_option
@reporting
def add(
    name: str,
    mosaic_url: str,
    mosaic_team: str,
    mosaic_key_file: Path | None,
    *,
    as_json: bool,
    **values: Any,
) -> None:
    """Add a company and write its connection file. The password is shown once."""
    made = parts()
    key = mosaic_key_file.read_text("utf-8").strip() if mosaic_key_file else None
    new = registry.add(
        made.engine,
        made.keys,
        name=name,
        mosaic_url=mosaic_url,
        mosaic_team=mosaic_team,
        mosaic_key=key,
        now=made.clock(),
        setup_days=made.settings.setup_link_days,
        before_live="ask",
        **values,
    )
    path = _write_qwc(made, registry.find(made.engine, str(new.id)), None)
    url = made.settings.public_url
    shown = {
        "id": new.id,
        "name": new.name,
        "username": new.username,
        "password": new.password,
        "qwc": str(path),
        "setup_url": f"{url}/setup/{new.setup_token}",
        "webhook_url": f"{url}/webhook/{new.webhook_token}",
    }
    if as_json:
        print_json(shown)
        return
    show_one(shown, as_json=False)
    click.echo("\nThe password and the two addresses are shown only now.")


@company.command("list")
@click.option(
    "--forgotten",
    "gone",
    is_flag=True,
    help="Those that were forgotten: number, when and by whom.",
)
@json_option
@reporting
def list_(*, gone: bool, as_json: bool) -> None:
    """List all companies."""
    made = parts()
    if gone:
        found = [row._asdict() for row in forgetting.forgotten(made.engine)]
        show(found, ("number", "at", "who"), as_json=as_json)
        return
    show(
        [_public(one) for one in registry.every(made.engine)],
        _COLUMNS,
        as_json=as_json,
    )


@company.command("show")
@click.argument("name")
@json_option
@reporting
def show_(name: str, *, as_json: bool) -> None:
    """Show one company."""
    found = registry.find(parts().engine, name)
    with company_reading(parts().engine, found.id) as connection:
        taken = restored.hours(connection, found.id)
    undone = None if taken is None else asdict(taken)
    show_one({**_public(found), "restored_backup": undone}, as_json=as_json)


@company.command("set")
@click.argument("name")
@click.option("--mode", type=click.Choice(tables.MODES))
@click.option(
    "--two-way/--one-way",
    default=None,
    help="Whether time made in Mosaic goes to QuickBooks.",
)
@click.option(
    "--policy",
    type=click.Choice(tables.POLICIES),
    help="Which side is right where both changed the same field of a time entry.",
)
@click.option(
    "--contractors/--employees-only",
    default=None,
    help="Whether vendors and other names, and their time, are taken too.",
)
@click.option("--time-class", help='Class of entries made in Mosaic; "" for none.')
@click.option(
    "--time-payroll-item",
    help='Payroll item of entries made in Mosaic, for people paid by time; "" for '
    "none.",
)
@click.option("--structure", type=click.Choice(tables.STRUCTURES))
@click.option("--mosaic-url", callback=_of_mosaic)
@click.option("--mosaic-team")
@click.option(
    "--mosaic-key-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option("--poll-every", type=click.IntRange(1), help="Minutes.")
@click.option("--read-every", type=click.IntRange(1), help="Minutes.")
@click.option(
    "--accept-deletions",
    is_flag=True,
    help="Believe the next complete read, however much is gone.",
)
@click.option(
    "--rebind",
    is_flag=True,
    help="Take the company file that is open next, renamed and moved as it may be.",
)
@click.option(
    "--after-restore",
    type=click.Choice(WAYS),
    help="Which side is right after a backup was restored: what Mosaic has and the "
    "file lacks is put back, or is gone there too. `records restored` lists it.",
)
@by_whom
@reporting
def set_(
    name: str,
    mosaic_key_file: Path | None,
    who: str,
    why: str | None,
    *,
    accept_deletions: bool,
    rebind: bool,
    after_restore: Way | None,
    **values: Any,
) -> None:
    """Change settings of a company."""
    made = parts()
    found = registry.find(made.engine, name)
    changes = {column: value for column, value in values.items() if value is not None}
    if mosaic_key_file is not None:
        key = mosaic_key_file.read_text("utf-8").strip()
        changes["mosaic_key"] = made.keys.encrypt(key)
    if rebind:
        changes |= {"file_name": None, "file_path": None}
    if not changes and not accept_deletions and after_restore is None:
        raise click.UsageError("Say what to change; --help lists it.")
    now = made.clock()
    # A word that nobody waits for is refused, and then nothing else is changed either.
    if after_restore is not None:
        with company_transaction(made.engine, found.id) as connection:
            deciding.decide(
                connection, found.id, after_restore, now=now, who=who, why=why
            )
    if changes:
        company_settings.set_values(
            made.engine, found.id, now=now, who=who, why=why, **changes
        )
    if accept_deletions:
        with company_transaction(made.engine, found.id) as connection:
            company_settings.accept_deletions(
                connection, found.id, now=now, who=who, why=why
            )
    click.echo(f"{found.name} is changed.")


@click.command()
@click.argument("name")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help='Where to; "-" prints it.',
)
@reporting
def qwc(name: str, output: Path | None) -> None:
    """Write a company's connection file again; it never changes."""
    made = parts()
    if str(output) == "-":
        found = registry.find(made.engine, name)
        click.echo(connection_file.qwc_of(found, made.settings.public_url), nl=False)
        return
    path = _write_qwc(made, registry.find(made.engine, name), output)
    click.echo(str(path))


def _write_qwc(made: Parts, found: Company, output: Path | None) -> Path:
    private.folder(made.settings.data_dir)
    path = output or made.settings.data_dir / file_name(found.name)
    private.write(path, connection_file.qwc_of(found, made.settings.public_url))
    return path


def _public(found: Company) -> dict[str, Any]:
    host = found.host or {}
    return {
        "id": found.id,
        "name": found.name,
        "mode": found.mode,
        "attention": found.attention,
        "attention_id": found.attention_id,
        "late_at": found.late_at,
        "last_seen_at": found.last_seen_at,
        "last_session_at": found.last_session_at,
        "next_read_at": found.next_read_at,
        "username": found.username,
        "file_name": found.file_name,
        "file_path": found.file_path,
        "quickbooks": host.get("product"),
        "poll_every": found.poll_every,
        "read_every": found.read_every,
        "structure": found.structure,
        "two_way": found.two_way,
        "policy": found.policy,
        "contractors": found.contractors,
        "time_class": found.time_class,
        "time_payroll_item": found.time_payroll_item,
        "closing_date": found.closing_date,
        "mosaic_url": found.mosaic_url,
        "mosaic_team": found.mosaic_team,
        "mosaic_key": "set" if found.mosaic_key else "missing",
        "mosaic_portfolio": found.mosaic_portfolio,
    }
