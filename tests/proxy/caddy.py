"""A real Caddy with deploy/Caddyfile, before a real `qbwc-server serve`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from qbwc_server.cli.demo_processes import free_port
from tests.proxy.front import TREE, serve
from tests.waiting import until_somebody_listens

CADDYFILE = TREE / "deploy/Caddyfile"


def program() -> str:
    """Return where Caddy is, or skip the test loudly."""
    found = shutil.which("caddy")
    if found is None:
        pytest.skip("NOT RUN BEHIND CADDY: it is not on this machine (caddy)")
    return found


class Caddy:
    """Caddy in front of a server; both end with `close`.

    `settings` are the server's, beside those that every test has.
    """

    def __init__(
        self, folder: Path, database_url: str, secret: str, **settings: str
    ) -> None:
        self.folder = folder
        self.https = free_port()
        self.http = free_port()
        self.server = free_port()
        self._environment = dict(os.environ) | {
            "PYTHONPATH": str(TREE),
            "QBWC_DATA_DIR": str(folder),
            "QBWC_DATABASE_URL": database_url,
            "QBWC_SECRET_KEY": secret,
            "QBWC_PUBLIC_URL": f"https://localhost:{self.https}",
            "QBWC_PROXIES": "127.0.0.1",
            **settings,
        }
        self._processes: list[subprocess.Popen[bytes]] = []

    def begin(
        self,
        *,
        moved: tuple[str, str] = ("", ""),
        switched_off: str = "",
        **changed: str,
    ) -> None:
        """Start both and wait until they listen.

        `changed` are times of the Caddyfile that are others here; `moved` is a line of
        it, and the one before which it stands here.
        """
        text = CADDYFILE.read_text()
        line, before = moved
        assert line in text
        assert before in text
        if line:
            text = text.replace(line, "").replace(before, f"{line}\n{before}", 1)
        inside = free_port()
        for pattern, value in (
            (r"admin off", "admin off\n\tdefault_bind 127.0.0.1"),
            (r"http_port 8080", f"http_port {self.http}"),
            (r"https_port 8443", f"https_port {self.https}"),
            (r"\bweb:8000\b", f"127.0.0.1:{self.server}"),
            (r"127\.0\.0\.1:2020", f"127.0.0.1:{inside}"),
            *((rf"\b{name} \d+\w", f"{name} {time}") for name, time in changed.items()),
        ):
            text, many = re.subn(pattern, value, text)
            assert many, pattern
        (self.folder / "Caddyfile").write_text(text)
        self._processes.append(
            serve(self.folder, self.server, self._environment, switched_off)
        )
        environment = self._environment | {
            "PROXY_TLS": "internal",
            "XDG_DATA_HOME": str(self.folder),
            "XDG_CONFIG_HOME": str(self.folder),
            "HOME": str(self.folder),
        }
        with (self.folder / "caddy.log").open("ab") as log:
            self._processes.append(
                subprocess.Popen(
                    [
                        *(program(), "run", "--adapter", "caddyfile"),
                        *("--config", str(self.folder / "Caddyfile")),
                    ],
                    env=environment,
                    cwd=self.folder,
                    stdout=log,
                    stderr=log,
                )
            )
        until_somebody_listens(self.https)

    def close(self) -> None:
        """End both."""
        for process in reversed(self._processes):
            process.terminate()
            process.wait(40)
