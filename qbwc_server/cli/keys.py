"""Commands about the secret key: QBWC_SECRET_KEY."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

import click

from qbwc_server.app import Parts
from qbwc_server.cli.acting import operator
from qbwc_server.cli.output import json_option, parts, print_json, reporting, show
from qbwc_server.operations import key_rotation


@click.group()
def keys() -> None:
    """Renew the secret key, and see whether an older one is still needed."""


@keys.command()
@reporting
def rotate() -> None:
    """Encrypt what is encrypted under the first key of QBWC_SECRET_KEY."""
    made = parts()
    count = key_rotation.rotate(
        made.engine, made.keys, now=made.clock(), who=operator()
    )
    click.echo(f"{count} Mosaic keys and addresses are encrypted anew.")
    _tell(made, as_json=False)


@keys.command()
@json_option
@reporting
def check(*, as_json: bool) -> None:
    """Tell what still needs an older key; exit 1 if anything does."""
    if _tell(parts(), as_json=as_json):
        raise SystemExit(1)


def _tell(made: Parts, *, as_json: bool) -> int:
    """Say what is under older keys; return how much."""
    found = key_rotation.older(
        made.engine,
        made.keys,
        now=made.clock(),
        page_link_days=made.settings.page_link_days,
    )
    if as_json:
        counts = Counter(one.what for one in found)
        print_json(
            {
                "keys": len(made.keys),
                "removable": not found,
                "counts": counts,
                "older": [asdict(one) for one in found],
            }
        )
        return len(found)
    if not found:
        click.echo("Everything is under the first key; older ones can be removed.")
        return 0
    rows = [{**asdict(one), "then": _then(one)} for one in found]
    show(rows, ("company", "what", "then"), as_json=False)
    click.echo(f"{len(found)} still need an older key, or are of the first release.")
    return len(found)


def _then(one: key_rotation.Older) -> str:
    if one.lost:
        return "no key opens it: set it anew"
    if one.what in {key_rotation.MOSAIC_KEY, key_rotation.ADDRESS}:
        return "`qbwc-server keys rotate`"
    if one.what == key_rotation.SETUP:
        return "comes over when it is opened; needs nothing more once it has ended"
    return "comes over when it is next used; without the older key it opens nothing"
