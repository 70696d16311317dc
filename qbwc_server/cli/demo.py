"""The whole product in one minute, on SQLite and the sandbox.

Server and worker are real processes, started again if they die; QuickBooks, Web
Connector and Mosaic are the sandbox's. At the end both sides are compared by rules
that do not come from the server.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa
from pydantic import SecretStr
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from qbwc_server import app, companies, connect, models
from qbwc_server.cli.output import json_option, print_json, reporting
from qbwc_server.cli.sandbox import open_company_file
from qbwc_server.database import transaction
from qbwc_server.kinds import KINDS
from qbwc_server.observe import set_up_logs
from qbwc_server.sandbox.agreement import Agreement, compare
from qbwc_server.sandbox.company_file import CompanyFile
from qbwc_server.sandbox.interference import Call
from qbwc_server.sandbox.mosaic import MosaicSandbox
from qbwc_server.sandbox.mosaic_server import RunningMosaic
from qbwc_server.sandbox.mosaic_server import serve as serve_mosaic
from qbwc_server.sandbox.registration import add, read_application
from qbwc_server.sandbox.web_connector import WebConnector
from qbwc_server.settings import Settings

_NAME = "Harbor & Vale Architects"
_MOST_SECONDS = 300
_MOST_SECONDS_TO_START = 60
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
@click.option("--structure", type=click.Choice(models.STRUCTURES), default="client")
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
    keep: Path | None,
    *,
    as_json: bool,
) -> None:
    """Show the whole product at work; exit 0 only if both sides agree.

    Several files may follow --company-file; a folder stands for all in it.
    """
    folder = keep or Path(tempfile.mkdtemp(prefix="qbwc-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    console = Console(stderr=as_json, highlight=False)
    try:
        shown = _Demo(folder, console, structure).run(company_file + more)
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    if as_json:
        print_json(shown)
    if shown["differences"]:
        raise SystemExit(1)


class _Narrator:
    """Tells each call of Web Connector as it happens."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def before(self, call: Call) -> None:
        sizes = {name: len(value) for name, value in call.arguments}
        told = ", ".join(
            f"{name} ({size:,} characters)" if size > 60 else name
            for name, size in sizes.items()
            if size and name not in {"ticket", "strPassword"}
        )
        self._console.print(f"  [cyan]{call.number:3}[/] {call.method}  [dim]{told}[/]")

    def after(self, call: Call, answer: bytes) -> None:
        del call, answer


class _Demo:
    def __init__(self, folder: Path, console: Console, structure: str) -> None:
        self._folder = folder
        self._console = console
        self._structure = structure
        self._port = _free_port()
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

    def run(self, paths: tuple[Path, ...]) -> dict[str, Any]:
        say = self._console.print
        say("[bold]1. A company file, a Mosaic, a server and a worker[/]")
        opened = open_company_file(paths or (self._folder / "firm.qbw",))
        say(f"  QuickBooks: {opened.company_name}, {opened.file_name}")
        sandbox = MosaicSandbox(
            api_key=_KEY,
            clock=app.utc_now,
            requests_per_window=10_000_000,
            state_file=self._folder / "mosaic.json",
        )
        mosaic = serve_mosaic(sandbox, 0)
        try:
            password = self._company(mosaic, sandbox)
            with self._processes() as processes:
                processes.ensure()
                say(f"  Server: {self._settings.public_url}/qbwc")
                say("[bold]2. Web Connector runs[/]")
                self._connect(opened, password, processes)
                say("[bold]3. The worker mirrors into Mosaic[/]")
                self._wait(processes)
            say("[bold]4. Do both sides agree?[/]")
            objects = {
                name: sandbox.objects(name)
                for name in (
                    *("client", "project", "phase"),
                    *("employee", "standard_work_category"),
                )
            }
            found = compare(opened, objects, structure=self._structure)
            return self._tell(found, sandbox)
        finally:
            mosaic.stop()
            opened.close()

    def _company(self, mosaic: RunningMosaic, sandbox: MosaicSandbox) -> str:
        """Add the demo's company, or find that of a run before; return its password."""
        secret = self._folder / "password"
        hook = self._folder / "webhook"
        if not secret.exists():
            new = companies.add(
                self._parts.engine,
                self._parts.keys,
                name=_NAME,
                mosaic_url=mosaic.url,
                mosaic_team="100",
                mosaic_key=_KEY,
                structure=self._structure,
                now=app.utc_now(),
            )
            hook.write_text(new.webhook_token)
            secret.write_text(new.password)
        found = companies.find(self._parts.engine, _NAME)
        companies.set_values(
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

    def _connect(
        self, opened: CompanyFile, password: str, processes: _Processes
    ) -> None:
        found = companies.find(self._parts.engine, _NAME)
        application = read_application(connect.qwc_of(found, self._settings.public_url))
        add(application, opened)
        connector = WebConnector(
            application,
            password,
            opened,
            sleep=time.sleep,
            log=lambda _line: None,
            on_call=_Narrator(self._console),
        )
        deadline = time.monotonic() + _MOST_SECONDS
        while time.monotonic() < deadline:
            run = connector.run()
            self._console.print(f"  Status: {run.result}")
            if run.result == "No Data Exchange":
                return
            processes.ensure()

    def _wait(self, processes: _Processes) -> None:
        """Show records becoming settled, until none is on its way."""
        deadline = time.monotonic() + _MOST_SECONDS
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
                progress.update(bar, total=total, completed=total - left)
                if left == 0:
                    return
                time.sleep(0.2)

    def _progress(self) -> tuple[int, int]:
        record, call = models.record, models.mosaic_call
        with transaction(self._parts.engine) as connection:
            total = connection.execute(
                sa.select(sa.func.count()).select_from(record)
            ).scalar_one()
            moving = connection.execute(
                sa.select(sa.func.count())
                .select_from(record)
                .where(record.c.due_at.is_not(None) | (record.c.state == "pending"))
            ).scalar_one()
            asked = connection.execute(
                sa.select(sa.func.count())
                .select_from(call)
                .where(call.c.settled_at.is_(None))
            ).scalar_one()
        return total, max(moving, asked)

    def _tell(self, found: Agreement, sandbox: MosaicSandbox) -> dict[str, Any]:
        kinds = [self._kind(kind.name, kind.plural, found) for kind in KINDS.values()]
        table = Table(box=None, header_style="bold", pad_edge=False)
        for column in ("", "in QuickBooks", "in Mosaic", "in sync", "waiting", "why"):
            justify = "left" if column in {"", "why"} else "right"
            table.add_column(column, justify=justify, overflow="fold")  # type: ignore[arg-type]
        for one in kinds:
            table.add_row(*(str(value) for value in one.values()))
        self._console.print(table)
        refs = sandbox.created_refs
        doubled = len(refs) - len(set(refs))
        differences = list(found.differences)
        if doubled:
            differences.append(f"{doubled} creations were sent twice")
        for text in differences[:20]:
            self._console.print(f"  [red]{text}[/]")
        verdict = "NO" if differences else "Yes, record by record."
        self._console.print(f"[bold]{verdict}[/] {len(refs)} objects were created.")
        return {"kinds": kinds, "created": len(refs), "differences": differences}

    def _kind(self, name: str, plural: str, found: Agreement) -> dict[str, Any]:
        record = models.record
        with transaction(self._parts.engine) as connection:
            rows = connection.execute(
                sa.select(record.c.state, record.c.reason, sa.func.count().label("n"))
                .where(record.c.kind == name)
                .group_by(record.c.state, record.c.reason)
            ).all()
        waiting = [row for row in rows if row.state not in {"in_sync", "gone"}]
        why = "; ".join(
            f"{row.n}: {row.reason}" for row in waiting if row.reason is not None
        )
        folded = found.without_counterpart.get(plural, 0)
        if name == "customer" and folded:
            why = f"{folded} are deeper than phases. {why}"
        mirrored = KINDS[name].mirror is not None
        return {
            "kind": plural,
            "in_quickbooks": sum(row.n for row in rows if row.state != "gone"),
            "in_mosaic": found.in_mosaic.get(plural, 0) if mirrored else "-",
            "in_sync": sum(row.n for row in rows if row.state == "in_sync"),
            "waiting": sum(row.n for row in waiting),
            "why": why if mirrored else "read and kept for time entries",
        }

    @contextmanager
    def _processes(self) -> Iterator[_Processes]:
        processes = _Processes(self._settings, self._folder)
        try:
            yield processes
        finally:
            processes.stop()


class _Processes:
    """The server and the worker, started again whenever one has died."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        values = settings.model_dump()
        values["secret_key"] = settings.secret_key.get_secret_value()
        self._environment = dict(os.environ) | {
            f"QBWC_{name.upper()}": str(value) for name, value in values.items()
        }
        self._port = settings.public_url.rpartition(":")[2]
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def ensure(self) -> None:
        """Start what does not run, and wait until the server answers."""
        deadline = time.monotonic() + _MOST_SECONDS_TO_START
        while time.monotonic() < deadline:
            self._start_missing()
            if self._is_ready():
                return
            time.sleep(0.1)
        raise click.ClickException(
            f"The server did not start; see {self._folder / 'serve.log'}."
        )

    def _start_missing(self) -> None:
        commands = {"serve": ["serve", "--port", self._port], "worker": ["worker"]}
        for name, arguments in commands.items():
            there = self._running.get(name)
            if there is not None and there.poll() is None:
                continue
            with (self._folder / f"{name}.log").open("ab") as log:
                self._running[name] = subprocess.Popen(  # noqa: S603 - our own program
                    [sys.executable, "-m", "qbwc_server", *arguments],
                    env=self._environment,
                    stdout=log,
                    stderr=log,
                )
            (self._folder / f"{name}.pid").write_text(str(self._running[name].pid))

    def stop(self) -> None:
        """End both."""
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            process.wait(10)

    def _is_ready(self) -> bool:
        url = f"http://localhost:{self._port}/readyz"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
