"""The server and the worker of the demo, as processes of their own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import click
from pydantic import SecretStr

from qbwc_server.settings import Settings

_MOST_SECONDS_TO_START = 60


class Processes:
    """The server and the worker, started again whenever one has died."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._environment = dict(os.environ) | {
            f"QBWC_{name.upper()}": _plain(value)
            for name, value in settings.model_dump().items()
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


def _plain(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
