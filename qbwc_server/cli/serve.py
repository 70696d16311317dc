"""Commands that run the server and its worker, and look after the database."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import Any

import click
import structlog
from gunicorn.app.base import BaseApplication
from sqlalchemy.engine import Engine

from qbwc_server import app, heartbeat, schema
from qbwc_server.cli.output import parts, reporting
from qbwc_server.database import make_engine
from qbwc_server.endpoint import WSGI
from qbwc_server.settings import Settings
from qbwc_server.worker import Worker

_LOG = structlog.get_logger(__name__)


class _Server(BaseApplication):  # type: ignore[misc]
    """gunicorn with our application, made anew in each of its processes."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> WSGI:
        made = parts()
        heartbeat.keep(made.engine, made.clock)
        return app.wsgi(made)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=int)
@click.option("--workers", default=1, show_default=True, help="Server processes.")
@click.option("--threads", default=8, show_default=True, help="Threads in each.")
@click.option("--with-worker", is_flag=True, help="Run `qbwc-server worker` beside.")
@reporting
def serve(
    host: str, port: int, workers: int, threads: int, *, with_worker: bool
) -> None:
    """Serve Web Connectors, callbacks and pages."""
    parts().engine.dispose()
    beside: list[subprocess.Popen[bytes]] = []

    def start_worker(_server: object) -> None:
        command = [sys.executable, "-m", "qbwc_server", "worker"]
        beside.append(subprocess.Popen(command))  # noqa: S603 - our own program

    def stop_worker(_server: object) -> None:
        for process in beside:
            process.terminate()
            process.wait()

    options: dict[str, Any] = {
        "bind": f"{host}:{port}",
        "workers": workers,
        "threads": threads,
        "worker_class": "gthread",
        "timeout": 120,
        "keepalive": 75,
        "control_socket_disable": True,
        "on_exit": stop_worker,
    }
    if with_worker:
        options["when_ready"] = start_worker
    _Server(options).run()


@click.command()
@click.option("--once", is_flag=True, help="Deliver what is due now, then end.")
@reporting
def worker(*, once: bool) -> None:
    """Deliver to Mosaic what was read from QuickBooks."""
    made = parts()
    working = Worker(made.engine, made.keys, made.settings, made.clock)
    if once:
        click.echo(f"{working.run_once()} companies served")
        return

    def stop(_signal: int, _frame: object) -> None:
        working.stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    _LOG.info("worker started", threads=made.settings.worker_threads)
    working.run()


@click.group()
def database() -> None:
    """Look after the database's schema."""


@database.command()
@reporting
def upgrade() -> None:
    """Bring the database up to this program's schema."""
    engine = _engine()
    schema.upgrade(engine)
    click.echo(f"The database is at revision {schema.head()}.")


@database.command()
@reporting
def check() -> None:
    """Tell whether the database fits this program; exit 1 if it does not."""
    engine = _engine()
    schema.require_head(engine)
    found = schema.differences(engine)
    if found:
        raise click.ClickException("The schema differs: " + "; ".join(found))
    click.echo(f"The database is at revision {schema.head()} and fits.")


def _engine() -> Engine:
    engine = make_engine(Settings().url())
    click.get_current_context().call_on_close(engine.dispose)
    return engine
