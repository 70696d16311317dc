"""The whole product in one minute, on SQLite and the sandbox.

Server and worker are real processes, started again if they die; QuickBooks, Web
Connector and Mosaic are the sandbox's. At the end both sides are compared by rules
that do not come from the server.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa
from pydantic import SecretStr
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from qbwc_server import app, private
from qbwc_server.cli.demo_changes import (
    Scene,
    Step,
    edit_both,
    enough_to_edit,
    lose_an_answer,
)
from qbwc_server.cli.demo_processes import Processes, free_port
from qbwc_server.cli.demo_verdict import tell
from qbwc_server.cli.output import json_option, print_json, reporting
from qbwc_server.cli.sandbox import open_company_file
from qbwc_server.companies import connection_file, registry
from qbwc_server.decisions import company_settings
from qbwc_server.logs import set_up_logs
from qbwc_server.sandbox.agreement import Agreement, compare
from qbwc_server.sandbox.mosaic.sandbox import MosaicSandbox
from qbwc_server.sandbox.mosaic.server import RunningMosaic
from qbwc_server.sandbox.mosaic.server import serve as serve_mosaic
from qbwc_server.sandbox.quickbooks.company_file import CompanyFile
from qbwc_server.sandbox.web_connector.interference import Call, Interference
from qbwc_server.sandbox.web_connector.program import WebConnector
from qbwc_server.sandbox.web_connector.registration import (
    Application,
    add,
    read_application,
)
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import operator_transaction

_NAME = "Harbor & Vale Architects"
_MOST_SECONDS = 1800
_KEY = "demo-key"


@click.command()
@click.argument(
    "more", nargs=-1, type=click.Path(exists=True, path_type=Path), metavar="[FILE]..."
)
@click.option(
    "--company-file",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="A sandbox company file, or recorded qbXML answers (.xml, may be repeated).",
)
@click.option("--structure", type=click.Choice(tables.STRUCTURES), default="client")
@click.option(
    "--time-entries",
    type=click.IntRange(min=0),
    default=20_000,
    show_default=True,
    help="How much time the sample firm has.",
)
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    help="A folder to keep everything in; a second run goes on with it.",
)
@json_option
@reporting
def demo(
    more: tuple[Path, ...],
    company_file: tuple[Path, ...],
    structure: str,
    time_entries: int,
    keep: Path | None,
    *,
    as_json: bool,
) -> None:
    """Show the whole product at work; exit 0 only if both sides agree.

    Several files may follow --company-file; a folder stands for all in it.
    """
    folder = keep or Path(tempfile.mkdtemp(prefix="qbwc-demo-"))
    private.folder(folder)
    console = Console(stderr=as_json, highlight=False)
    try:
        shown = _Demo(folder, console, structure).run(company_file + more, time_entries)
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    if as_json:
        print_json(shown)
    if shown["differences"]:
        raise SystemExit(1)


class _Narrator:
    """Tells each call of Web Connector as it happens."""

    def __init__(self, console: Console, then: Interference | None) -> None:
        self._console = console
        self._then = then

    def before(self, call: Call) -> None:
        sizes = {name: len(value) for name, value in call.arguments}
        told = ", ".join(
            f"{name} ({size:,} characters)" if size > 60 else name
            for name, size in sizes.items()
            if size and name not in {"ticket", "strPassword"}
        )
        self._console.print(f"  [cyan]{call.number:3}[/] {call.method}  [dim]{told}[/]")
        if self._then is not None:
            self._then.before(call)

    def after(self, call: Call, answer: bytes) -> None:
        del call, answer


class _Demo:
    def __init__(self, folder: Path, console: Console, structure: str) -> None:
        self._folder = folder
        self._console = console
        self._structure = structure
        self._port = free_port()
        self._settings = Settings(
            data_dir=folder,
            database_url=f"sqlite:///{folder.resolve() / 'qbwc.db'}",
            secret_key=SecretStr("a key for the demonstration and for nothing else"),
            public_url=f"http://localhost:{self._port}",
            log_level="ERROR",
            mosaic_requests=1_000_000,
            mosaic_settle_seconds=2,
            lease_seconds=3,
            session_takeover_seconds=0,
        )
        set_up_logs(level="ERROR", as_json=False)
        self._parts = app.parts(self._settings)
        self._sandbox = MosaicSandbox(
            api_key=_KEY,
            clock=app.utc_now,
            requests_per_window=10_000_000,
            # One request less to answer for each of thousands of creations.
            answer_mode="body",
            state_file=folder / "mosaic.json",
        )

    def run(self, paths: tuple[Path, ...], time_entries: int) -> dict[str, Any]:
        say = self._console.print
        say("[bold]1. A company file, a Mosaic, a server and a worker[/]")
        opened = open_company_file(
            paths or (self._folder / "firm.qbw",), time_entries=time_entries
        )
        say(f"  QuickBooks: {opened.company_name}, {opened.file_name}")
        sandbox = self._sandbox
        mosaic = serve_mosaic(sandbox, 0)
        try:
            password = self._company(mosaic, sandbox)
            application = self._register(opened)
            with self._processes() as processes:
                processes.ensure()
                say(f"  Server: {self._settings.public_url}/qbwc")

                def sync(interference: Interference | None) -> None:
                    connector = WebConnector(
                        application,
                        password,
                        opened,
                        sleep=time.sleep,
                        log=lambda _line: None,
                        on_call=_Narrator(self._console, interference),
                    )
                    self._sync(connector, processes)

                say("[bold]2. Web Connector runs, the worker delivers[/]")
                sync(None)
                say("[bold]3. Do both sides agree?[/]")
                found = self._compare(opened, sandbox)
                shown = tell(self._console, self._parts.engine, found, sandbox)
                mark = f"Demo {app.utc_now():%Y-%m-%d %H:%M:%S}"
                scene = Scene(opened, sandbox, found.pairs, sync, mark)
                steps = self._change(scene)
            if steps:
                say("[bold]6. Do both sides still agree?[/]")
                shown = tell(
                    self._console,
                    self._parts.engine,
                    self._compare(opened, sandbox),
                    sandbox,
                )
            shown["steps"] = [asdict(one) for one in steps]
            shown["differences"] += [one.step for one in steps if not one.ok]
            return shown
        finally:
            mosaic.stop()
            opened.close()

    def _change(self, scene: Scene) -> list[Step]:
        """Let people change time on both sides, and show what arrives."""
        if not enough_to_edit(scene):
            return []
        self._sandbox.answer_mode = "callback"
        self._console.print("[bold]4. An edit in QuickBooks, another in Mosaic[/]")
        steps = self._show(edit_both(scene))
        self._console.print("[bold]5. New time in Mosaic; an answer is lost[/]")
        return steps + self._show(lose_an_answer(scene))

    def _show(self, steps: list[Step]) -> list[Step]:
        for one in steps:
            verdict = "[green]yes[/]" if one.ok else "[red]NO[/]"
            self._console.print(f"  {one.step}: {verdict}, {one.told}")
        return steps

    def _compare(self, opened: CompanyFile, sandbox: MosaicSandbox) -> Agreement:
        types = (
            *("client", "project", "phase", "employee"),
            *("standard_work_category", "time_entry"),
        )
        objects = {name: sandbox.objects(name) for name in types}
        return compare(opened, objects, structure=self._structure)

    def _company(self, mosaic: RunningMosaic, sandbox: MosaicSandbox) -> str:
        """Add the demo's company, or find that of a run before; return its password."""
        secret = self._folder / "password"
        hook = self._folder / "webhook"
        if not secret.exists():
            new = registry.add(
                self._parts.engine,
                self._parts.keys,
                name=_NAME,
                mosaic_url=mosaic.url,
                mosaic_team="100",
                mosaic_key=_KEY,
                structure=self._structure,
                now=app.utc_now(),
            )
            private.write(hook, new.webhook_token.encode())
            private.write(secret, new.password.encode())
        found = registry.find(self._parts.engine, _NAME)
        company_settings.set_values(
            self._parts.engine,
            found.id,
            now=app.utc_now(),
            who="demo",
            mosaic_url=mosaic.url,
            next_read_at=None,
        )
        url = self._settings.public_url
        sandbox.team.callback_url = f"{url}/webhook/{hook.read_text()}"
        return secret.read_text()

    def _register(self, opened: CompanyFile) -> Application:
        found = registry.find(self._parts.engine, _NAME)
        qwc = connection_file.qwc_of(found, self._settings.public_url)
        application = read_application(qwc)
        add(application, opened)
        return application

    def _sync(self, connector: WebConnector, processes: Processes) -> None:
        """Run Web Connector and wait for the worker until nothing is on its way."""
        deadline = time.monotonic() + _MOST_SECONDS
        self._read_at_once()
        while time.monotonic() < deadline:
            processes.ensure()
            run = connector.run()
            if run.result != "No Data Exchange":
                self._console.print(f"  Status: {run.result}")
                continue
            self._wait(processes, deadline)
            if not self._jobs():
                return

    def _read_at_once(self) -> None:
        company = registry.find(self._parts.engine, _NAME)
        company_settings.set_values(
            self._parts.engine,
            company.id,
            now=app.utc_now(),
            who="demo",
            next_read_at=None,
        )

    def _wait(self, processes: Processes, deadline: float) -> None:
        """Show records becoming settled, until what is left waits for QuickBooks."""
        columns = (
            TextColumn("  {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
        )
        with Progress(*columns, console=self._console) as progress:
            bar = progress.add_task("records settled")
            while time.monotonic() < deadline:
                processes.ensure()
                total, left = self._progress()
                left = max(left, self._unheard())
                progress.update(bar, total=total, completed=total - left)
                if left == 0:
                    return
                time.sleep(0.2)

    def _progress(self) -> tuple[int, int]:
        """Return how many records there are, and how many the worker has to do with.

        A record that waits for an answer of QuickBooks is not the worker's.
        """
        record, call, job = tables.record, tables.mosaic_call, tables.job
        asked_for = sa.select(job.c.record_id).where(
            job.c.finished_at.is_(None), job.c.record_id.is_not(None)
        )
        moving = record.c.due_at.is_not(None) | (
            (record.c.state == "pending") & record.c.id.not_in(asked_for)
        )
        with operator_transaction(self._parts.engine) as connection:
            total = _count(connection, record)
            due = _count(connection, record, moving)
            asked = _count(connection, call, call.c.settled_at.is_(None))
        return total, max(due, asked)

    def _unheard(self) -> int:
        """Return how many callbacks are on their way, or wait for the worker."""
        duty, back = tables.duty, tables.mosaic_callback
        with operator_transaction(self._parts.engine) as connection:
            kept = _count(connection, back, back.c.handled_at.is_(None))
            due = _count(connection, duty, duty.c.deliver_at <= app.utc_now())
        return len(self._sandbox.outbox) + kept + due

    def _jobs(self) -> int:
        """Return how much there is to do in QuickBooks now."""
        job = tables.job
        with operator_transaction(self._parts.engine) as connection:
            return _count(
                connection,
                job,
                job.c.finished_at.is_(None),
                job.c.state != "failed",
                job.c.run_at <= app.utc_now(),
            )

    @contextmanager
    def _processes(self) -> Iterator[Processes]:
        processes = Processes(self._settings, self._folder)
        try:
            yield processes
        finally:
            processes.stop()


def _count(
    connection: sa.Connection, table: sa.Table, *conditions: sa.ColumnElement[bool]
) -> int:
    counted = sa.select(sa.func.count()).select_from(table).where(*conditions)
    return connection.execute(counted).scalar_one()
