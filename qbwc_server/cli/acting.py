"""Who acts, and why: what every command that changes something asks and keeps."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable
from typing import Any

import click

MANY = 10
"""What touches more than so many asks back."""


def operator() -> str:
    """Return who is at the keyboard: behind sudo, the person and not root."""
    try:
        return f"operator {os.environ.get('SUDO_USER') or getpass.getuser()}"
    except (KeyError, OSError):  # a container's user may have no name
        return "operator"


who_option = click.option(
    "--by",
    "--who",
    "who",
    default=operator,
    show_default="operator, and the name of the login",
    help="Who wants it, kept in the audit.",
)


def by_whom(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add who does it and why; both are kept in the audit."""
    for option in (
        click.option("--why", help="The reason, kept in the audit."),
        who_option,
    ):
        command = option(command)
    return command


yes_option = click.option("--yes", is_flag=True, help="Do not ask back.")


def ask_back(many: int, question: str, *, yes: bool) -> None:
    """Ask before many are touched; `question` says what is about to be done to them.

    Raises:
        click.Abort: the answer is no.
    """
    if many > MANY and not yes:
        click.confirm(f"{question} {many:,} will be touched. Go on?", abort=True)
