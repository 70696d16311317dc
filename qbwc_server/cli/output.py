"""What commands print: tables for people, JSON for programs, and errors."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ParamSpec, TypeVar

import click
import structlog
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from qbwc_server import app
from qbwc_server.errors import QbwcError
from qbwc_server.logs import set_up_logs
from qbwc_server.settings import Settings, logs_as_json
from qbwc_server.storage import connections
from qbwc_server.words.qwc import QwcError

P = ParamSpec("P")
R = TypeVar("R")

OURS = (QbwcError, QwcError, ValidationError, SQLAlchemyError)
_LOG = structlog.get_logger(__name__)
_PARTS = "qbwc_server.parts"

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def reporting(command: Callable[P, R]) -> Callable[P, R]:
    """Turn our errors into one sentence on stderr and exit code 1."""

    @functools.wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except OURS as error:
            raise click.ClickException(_sentence(error)) from None

    return guarded


def starting(command: Callable[P, R]) -> Callable[P, R]:
    """Do the same for a command whose lines are a log, in the log's own form."""

    @functools.wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return reporting(command)(*args, **kwargs)
        except click.UsageError:
            raise
        except click.ClickException as error:
            if not logs_as_json():
                raise
            set_up_logs(level="INFO", as_json=True)
            _LOG.error("not started", why=error.message)
            raise SystemExit(error.exit_code) from None

    return guarded


def _sentence(error: Exception) -> str:
    if isinstance(error, QbwcError):
        return f"{error.support} [{error.id}]"
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        name = "QBWC_" + "_".join(str(part) for part in first["loc"]).upper()
        return f"{name}: {first['msg'].removeprefix('Value error, ')}"
    if isinstance(error, SQLAlchemyError):
        cause = str(getattr(error, "orig", None) or error).splitlines()[0]
        return f"The database cannot be used: {cause}"
    return str(error)


def parts() -> app.Parts:
    """Return what a command needs, with logs set up as the settings say.

    However often it is asked: an operator has few connections.
    """
    context = click.get_current_context(silent=True)
    if context is None:
        return parts_of_process()
    made: app.Parts | None = context.meta.get(_PARTS)
    if made is None:
        made = parts_of_process()
        context.meta[_PARTS] = made
        context.call_on_close(made.dispose)
    return made


def parts_of_process(
    kind: str = "", threads: Callable[[Settings], int] | None = None
) -> app.Parts:
    """Return the same for a process that lives on, a `web` or a `worker`.

    `threads` tells how many it has.
    """
    settings = Settings()
    set_up_logs(level=settings.log_level, as_json=settings.log_json)
    if threads is None:
        return app.parts(settings)
    most = connections.of_process(threads(settings))
    return app.parts(settings, most=most, kind=kind)


def show(
    rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool
) -> None:
    """Print rows as a table of the columns, or all they hold as JSON."""
    if as_json:
        print_json([dict(row) for row in rows])
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    console().print(table)


def show_one(row: Mapping[str, Any], *, as_json: bool) -> None:
    """Print one thing, a line for each of its parts."""
    if as_json:
        print_json(dict(row))
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in row.items():
        table.add_row(name.replace("_", " "), _cell(value))
    console().print(table)


def print_json(value: object) -> None:
    """Print a value as JSON, moments in ISO 8601."""
    click.echo(json.dumps(value, default=str, ensure_ascii=False, indent=2))


def console() -> Console:
    """Return a console that does not fold lines when nobody looks.

    What is printed are names, and "Acme:House:Roof" is none of a picture of a house.
    """
    return Console(
        width=None if sys.stdout.isatty() else 160,
        highlight=False,
        markup=False,
        emoji=False,
    )


def reference(company_id: int, number: int | str) -> str:
    """Return how a job or record is called everywhere: "3-17", of company 3."""
    return f"{company_id}-{number}"


def dereference(text: str) -> tuple[int, int]:
    """Return (company, number) of "3-17".

    Raises:
        click.BadParameter: the text is not of that form.
    """
    company, _, number = text.partition("-")
    if not (company.isdigit() and number.isdigit()):
        raise click.BadParameter(f"{text!r} is not of the form 3-17")
    return int(company), int(number)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, dict | list):
        return json.dumps(value, default=str, ensure_ascii=False, sort_keys=True)
    return str(value)
