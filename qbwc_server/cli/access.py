"""Commands that pause a connection and renew what it is opened with."""

from __future__ import annotations

from typing import Any

import click

from qbwc_server import private, words
from qbwc_server.cli.acting import ask_back, by_whom, yes_option
from qbwc_server.cli.company import company
from qbwc_server.cli.output import json_option, parts, print_json, reporting, show_one
from qbwc_server.companies import connection_file, credentials, registry
from qbwc_server.decisions import company_settings, resync
from qbwc_server.records import store
from qbwc_server.storage.database import company_reading, company_transaction
from qbwc_server.words.qwc import file_name

_PAIR = 1039


def _tell(told: dict[str, Any], then: str, *, as_json: bool) -> None:
    if as_json:
        print_json(told)
        return
    show_one(told, as_json=False)
    click.echo(f"\n{then}")


@company.command("pause")
@click.argument("name")
@by_whom
@reporting
def pause(name: str, who: str, why: str | None) -> None:
    """Have a company neither read nor write until it is resumed.

    Its customer sees why. One that the customer paused, only support resumes then.
    """
    made = parts()
    found = registry.find(made.engine, name)
    company_settings.pause(made.engine, found, now=made.clock(), who=who, why=why)
    click.echo(f"{found.name} is paused. Web Connector is told there is nothing to do.")


@company.command("resume")
@click.argument("name")
@by_whom
@reporting
def resume(name: str, who: str, why: str | None) -> None:
    """Have a paused company go on as it did before."""
    made = parts()
    found = registry.find(made.engine, name)
    mode = company_settings.resume(
        made.engine, found, now=made.clock(), who=who, why=why
    )
    click.echo(f"{found.name} goes on: {mode}.")


@company.command("resync")
@click.argument("name")
@yes_option
@by_whom
@reporting
def resync_(name: str, who: str, why: str | None, *, yes: bool) -> None:
    """Have all of a company read again from both sides and compared."""
    made = parts()
    found = registry.find(made.engine, name)
    with company_reading(made.engine, found.id) as connection:
        many = store.count(connection, found.id)
    ask_back(many, f"All records of {found.name} are read again.", yes=yes)
    with company_transaction(made.engine, found.id) as connection:
        resync.company(connection, found.id, now=made.clock(), who=who, why=why)
    click.echo(f"{found.name} is read again with the next run.")


@company.command("new-password")
@click.argument("name")
@by_whom
@json_option
@reporting
def new_password(name: str, who: str, why: str | None, *, as_json: bool) -> None:
    """Make a new password and show it once; the old one works until it is used."""
    made = parts()
    found = registry.find(made.engine, name)
    password = credentials.new_password(
        made.engine, made.keys, found.id, now=made.clock(), who=who, why=why
    )
    told = {"name": found.name, "username": found.username, "password": password}
    then = (
        "The password is shown only now. The customer types it into Web Connector and "
        "presses Enter; until then the old one works."
    )
    _tell(told, then, as_json=as_json)


@company.command("new-owner-id")
@click.argument("name")
@by_whom
@json_option
@reporting
def new_owner_id(name: str, who: str, why: str | None, *, as_json: bool) -> None:
    """Make a connection file that QuickBooks takes for a new one (QBWC1039)."""
    made = parts()
    found = registry.find(made.engine, name)
    # The file must be possible before anything is changed.
    connection_file.qwc_of(found, made.settings.public_url)
    credentials.new_owner_id(made.engine, found.id, now=made.clock(), who=who, why=why)
    found = registry.find(made.engine, str(found.id))
    private.folder(made.settings.data_dir)
    path = made.settings.data_dir / file_name(found.name)
    private.write(path, connection_file.qwc_of(found, made.settings.public_url))
    then = (
        "Now the customer removes the old connection in Web Connector and in QuickBooks"
        f" under {words.qwc_code(_PAIR).menu}; opens the company file as Admin in "
        "single-user mode; adds the new .qwc file; chooses 'Yes, always'; and types "
        "the same password again."
    )
    told = {"name": found.name, "owner_id": found.owner_id, "qwc": str(path)}
    _tell(told, then, as_json=as_json)


@company.command("setup-link")
@click.argument("name")
@by_whom
@json_option
@reporting
def setup_link(name: str, who: str, why: str | None, *, as_json: bool) -> None:
    """Make a new setup link and show it once; the old one ends."""
    made = parts()
    found = registry.find(made.engine, name)
    token, ends = credentials.new_setup_link(
        made.engine,
        made.keys,
        found.id,
        days=made.settings.setup_link_days,
        now=made.clock(),
        who=who,
        why=why,
    )
    url = f"{made.settings.public_url}/setup/{token}"
    told = {"name": found.name, "setup_url": url, "expires_at": ends}
    _tell(told, "The link is shown only now.", as_json=as_json)
