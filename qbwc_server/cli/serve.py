"""Commands that run the server and its worker."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

import click
import structlog
from sqlalchemy.engine import Engine

from qbwc_server import app, metrics
from qbwc_server.cli.output import parts, parts_of_process, starting
from qbwc_server.companies import heartbeat
from qbwc_server.serving import processes
from qbwc_server.serving.processes import Plan
from qbwc_server.serving.served import Served
from qbwc_server.settings import SettingMissing
from qbwc_server.storage import connections, poolers
from qbwc_server.storage.walls import require_serving
from qbwc_server.web.hooks import metrics_page
from qbwc_server.worker.loop import Worker

_LOG = structlog.get_logger(__name__)
_LEAST_SECONDS = 2.0
"""Between two starts of the worker beside a server."""


class _Beside:
    """The worker that runs beside a server, started again whenever it has ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._begun = 0.0

    def ensure(self) -> None:
        """Start it if it does not run; not more often than every few seconds."""
        if self._process is not None and self._process.poll() is None:
            return
        if self._begun and time.monotonic() - self._begun < _LEAST_SECONDS:
            return
        self._begun = time.monotonic()
        command = [sys.executable, "-m", "qbwc_server", "worker", "--beside"]
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            command, stdin=subprocess.PIPE
        )

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()


def _served(threads: int) -> Served:
    """Return what one process serves; it is called in each."""
    made = parts_of_process("web", lambda _: threads)
    heartbeat.keep(made.engine, made.clock, beside=made.rest)
    return app.served(made)


def _tell_of_pooler(engine: Engine) -> None:
    if poolers.stands_between(engine):
        _LOG.info("the database is behind a pooler: no statement is prepared")


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=int)
@click.option("--workers", default=1, show_default=True, help="Server processes.")
@click.option(
    "--threads", default=connections.THREADS, show_default=True, help="Threads in each."
)
@click.option("--with-worker", is_flag=True, help="Run `qbwc-server worker` beside.")
@starting
def serve(
    host: str, port: int, workers: int, threads: int, *, with_worker: bool
) -> None:
    """Serve Web Connectors, callbacks and pages."""
    made = parts()
    require_serving(made.engine)
    _tell_of_pooler(made.engine)
    made.dispose()
    made.settings.require_https()
    counters = tempfile.mkdtemp(prefix="qbwc-metrics-")
    metrics.share(counters)
    beside = _Beside() if with_worker else None

    try:
        code = processes.serve(
            Plan(host, port, workers, threads),
            partial(_served, threads),
            beside=beside.ensure if beside is not None else lambda: None,
        )
    except OSError as error:
        raise click.ClickException(f"{host}:{port} cannot be used: {error}") from error
    finally:
        if beside is not None:
            beside.stop()
        shutil.rmtree(counters, ignore_errors=True)
    sys.exit(code)


@click.command()
@click.option("--once", is_flag=True, help="Deliver what is due now, then end.")
@click.option("--beside", is_flag=True, hidden=True, help="End with who started it.")
@click.option(
    "--sign-of-life",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file that is touched whenever the database was asked for work.",
)
@starting
def worker(*, once: bool, beside: bool, sign_of_life: Path | None) -> None:
    """Deliver to Mosaic what was read from QuickBooks."""
    made = parts_of_process("worker", lambda settings: settings.worker_threads)
    click.get_current_context().call_on_close(made.dispose)
    require_serving(made.engine)
    _tell_of_pooler(made.engine)
    working = Worker(
        made.engine,
        made.keys,
        made.settings,
        made.clock,
        lives=sign_of_life.touch if sign_of_life is not None else None,
    )
    if once:
        click.echo(f"{working.run_once()} companies served")
        return

    def stop(_signal: int, _frame: object) -> None:
        working.stopping.set()

    def stop_with_parent() -> None:
        # The other end is closed when the server has ended, in whatever way.
        sys.stdin.read()
        working.stopping.set()

    if made.settings.metrics_port and not beside:
        if not made.settings.metrics_token.get_secret_value():
            raise SettingMissing(
                "QBWC_METRICS_PORT needs QBWC_METRICS_TOKEN: nobody is told figures "
                "who does not show it."
            )
        metrics_page.serve(app.figures_page(made), made.settings.metrics_port)
    if beside:
        threading.Thread(target=stop_with_parent, daemon=True).start()
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    _LOG.info("worker started", threads=made.settings.worker_threads)
    working.run()
