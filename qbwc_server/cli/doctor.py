"""The doctor's command: a line for everything that must be right."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import click

from qbwc_server import app
from qbwc_server.cli.output import console, json_option, print_json, reporting
from qbwc_server.companies import registry
from qbwc_server.companies.registry import Company
from qbwc_server.logs import set_up_logs
from qbwc_server.operations import connections_looked, public_address
from qbwc_server.operations import doctor as checks
from qbwc_server.operations.doctor_result import Finding, fail
from qbwc_server.settings import SettingMissing, Settings
from qbwc_server.storage import walls

_AT_ONCE = 8
_CODES = {"ok": 0, "warn": 1, "fail": 2}


@click.command()
@click.option("--company", "name", help="Look at this company only.")
@click.option(
    "--authorities",
    type=click.Path(exists=True, dir_okay=False),
    help="A file of certificate authorities to believe too, for a private one.",
)
@json_option
@reporting
def doctor(name: str | None, authorities: str | None, *, as_json: bool) -> None:
    """Look at everything that must be right, and say what to do.

    Exit code 0: all is right. 1: something needs a look. 2: something does not work.
    """
    found: list[Finding] = []
    for finding in _findings(Settings(), name, authorities):
        found.append(finding)
        if not as_json:
            _tell(finding)
    if as_json:
        print_json([asdict(one) for one in found])
    raise SystemExit(max(_CODES[one.state] for one in found))


def _findings(
    settings: Settings, name: str | None, authorities: str | None
) -> Iterator[Finding]:
    set_up_logs(level="ERROR", as_json=settings.log_json)
    try:
        made = app.parts(settings, prepare=False)
    except SettingMissing as error:
        yield fail("settings", error.support, "Set it and start again.")
        return
    click.get_current_context().call_on_close(made.dispose)
    usable = True
    for finding in checks.of_database(made.engine, made.clock):
        usable = finding.state != "fail" or finding.check not in _NEEDED
        yield finding
    yield checks.of_settings(settings)
    now = made.clock()
    yield from public_address.look(settings.public_url, now, authorities=authorities)
    if not usable:
        return
    yield from checks.of_logins(made.engine)
    yield from checks.of_processes(made.engine, now)
    if walls.is_held(made.engine):
        return
    yield from connections_looked.look(made.engine)
    yield checks.of_copies(made.engine, now)
    yield from checks.of_support(made.engine)
    yield checks.of_callers(made.engine)
    every = registry.every(made.engine)
    if name is not None:
        every = [registry.find(made.engine, name)]
    yield from checks.of_keys(every, made.keys)

    def mosaic(company: Company) -> Finding:
        return checks.of_mosaic(made.engine, company, made.keys, settings, made.clock)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for company, finding in zip(every, pool.map(mosaic, every), strict=True):
            yield finding
            yield from checks.of_company(made.engine, company, now)


_NEEDED = frozenset({"database", "schema"})


def _tell(finding: Finding) -> None:
    about = f"{finding.company}: " if finding.company else ""
    line = f"{finding.state:<5}{finding.check:<13}{about}{finding.said}"
    if finding.do:
        line += f"\n     -> {finding.do}"
    console().print(line, soft_wrap=True)
