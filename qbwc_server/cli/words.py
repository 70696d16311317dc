"""The command that writes docs/errors.md."""

from __future__ import annotations

import click

from qbwc_server.words import document


@click.command(hidden=True)
def words() -> None:
    """Print what can go wrong and what to do, as Markdown."""
    click.echo(document.markdown(), nl=False)
