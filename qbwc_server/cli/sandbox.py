"""Commands that stand in for QuickBooks, Web Connector and Mosaic."""

from __future__ import annotations

import time
from pathlib import Path

import click

from qbwc_server.app import utc_now
from qbwc_server.sandbox.mosaic import sandbox as mosaic_sandbox
from qbwc_server.sandbox.mosaic import server
from qbwc_server.sandbox.quickbooks.company_file import CompanyFile
from qbwc_server.sandbox.quickbooks.recorded_answers import load_answers
from qbwc_server.sandbox.sample_firm import build_sample_firm
from qbwc_server.sandbox.web_connector.program import WebConnector
from qbwc_server.sandbox.web_connector.registration import (
    RegistrationRefused,
    add,
    read_application,
)


@click.group()
def sandbox() -> None:
    """Try everything without QuickBooks, Web Connector or Mosaic."""


@sandbox.command()
@click.option("--port", required=True, type=int)
@click.option("--team", default="100", show_default=True, help="The Mosaic Team ID.")
@click.option("--key", default="sandbox-key", show_default=True, help="The API key.")
@click.option("--callback-url", help="Where outcomes of writes are posted.")
@click.option("--requests-per-window", default=300, show_default=True)
@click.option(
    "--state", type=click.Path(dir_okay=False, path_type=Path), help="Kept here."
)
def mosaic(
    port: int,
    team: str,
    key: str,
    callback_url: str | None,
    requests_per_window: int,
    state: Path | None,
) -> None:
    """Serve a Mosaic on this machine until interrupted."""
    made = mosaic_sandbox.MosaicSandbox(
        team_id=team,
        api_key=key,
        clock=utc_now,
        callback_url=callback_url,
        requests_per_window=requests_per_window,
        state_file=state,
    )
    running = server.serve(made, port)
    click.echo(f"Mosaic stands in at {running.url}, team {team}, key {key}")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        running.stop()


@sandbox.command("web-connector")
@click.option(
    "--qwc",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The connection file.",
)
@click.option(
    "--password-file",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option(
    "--company-file",
    required=True,
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="A company file of the sandbox, made if it is not there, or recorded qbXML "
    "answers (.xml, may be repeated).",
)
@click.option(
    "--ca-file", help="A certificate authority to trust besides the system's."
)
@click.option("--repeat", is_flag=True, help="Go on at the schedule's interval.")
def web_connector(
    qwc: Path,
    password_file: Path,
    company_file: tuple[Path, ...],
    ca_file: str | None,
    *,
    repeat: bool,
) -> None:
    """Do what Web Connector does: add the file, run one update, show the log.

    Exit code 1 says that the update ended with an error.
    """
    opened = open_company_file(company_file)
    application = read_application(qwc.read_bytes())
    try:
        add(application, opened)
    except RegistrationRefused as refused:
        raise click.ClickException(str(refused)) from refused
    connector = WebConnector(
        application,
        password_file.read_text("utf-8").strip(),
        opened,
        sleep=time.sleep,
        log=click.echo,
        ca_file=ca_file,
    )
    while True:
        run = connector.run()
        click.echo(f"Status: {run.result}")
        if not repeat:
            opened.close()
            raise SystemExit(1 if run.error else 0)
        time.sleep(connector.interval_seconds)


def open_company_file(
    paths: tuple[Path, ...], *, time_entries: int = 20_000
) -> CompanyFile:
    """Open a sandbox company file, or fill one from recorded answers.

    A path that is not there becomes the sample firm.
    """
    files = [
        file
        for path in paths
        for file in (sorted(path.glob("*.xml")) if path.is_dir() else [path])
    ]
    if recorded := [path for path in files if path.suffix.lower() == ".xml"]:
        opened = CompanyFile(":memory:", clock=time.time)
        opened.hands.set("company_name", "Recorded answers")
        load_answers(opened, recorded)
        return opened
    if len(paths) != 1:
        raise click.UsageError("Give one company file, or recorded answers (.xml).")
    is_new = not paths[0].exists()
    opened = CompanyFile(paths[0], clock=time.time)
    if is_new:
        build_sample_firm(opened, time_entries=time_entries)
    return opened
