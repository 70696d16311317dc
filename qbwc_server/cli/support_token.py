"""Commands about who may use the support console."""

from __future__ import annotations

import click

from qbwc_server.cli.acting import operator
from qbwc_server.cli.output import json_option, parts, reporting, show, show_one
from qbwc_server.storage.database import operator_transaction
from qbwc_server.support import tokens


@click.group("token")
def token() -> None:
    """Make and remove tokens for the support console, one for each person."""


@token.command("add")
@click.argument("name")
@click.option("--may-act", is_flag=True, help="He may change something, not only look.")
@json_option
@reporting
def add(name: str, *, may_act: bool, as_json: bool) -> None:
    """Make a token. It is shown once."""
    if not tokens.is_name(name):
        raise click.BadParameter(
            "A name begins with a letter and has at most 40 of a-z, 0-9, - and _."
        )
    made = parts()
    with operator_transaction(made.engine) as connection:
        secret = tokens.add(
            connection,
            made.keys,
            name,
            may_act=may_act,
            now=made.clock(),
            who=operator(),
        )
    told = {
        "name": name,
        "token": secret,
        "may_act": may_act,
        "url": f"{made.settings.public_url}/support",
    }
    show_one(told, as_json=as_json)
    if not as_json:
        click.echo("\nThe token is shown only now.")


@token.command("list")
@json_option
@reporting
def list_(*, as_json: bool) -> None:
    """List who has a token, and when each was last used."""
    rows = [row._asdict() for row in tokens.every(parts().engine)]
    columns = ("name", "may_act", "made_by", "made_at", "last_login_at")
    show(rows, columns, as_json=as_json)


@token.command("remove")
@click.argument("name")
@reporting
def remove(name: str) -> None:
    """End a token; who is logged in with it is out at once."""
    made = parts()
    with operator_transaction(made.engine) as connection:
        tokens.remove(connection, name, now=made.clock(), who=operator())
    click.echo(f"The token of {name} is gone.")


@click.command("logins")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1))
@json_option
@reporting
def logins(limit: int, *, as_json: bool) -> None:
    """List who logged in to the console or was refused, each hour in one row."""
    found = tokens.latest_logins(parts().engine, limit)
    columns = ("last_at", "who", "what", "peer", "times")
    show([row._asdict() for row in found], columns, as_json=as_json)
