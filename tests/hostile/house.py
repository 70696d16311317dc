"""A real `serve` process on a real socket, and what it costs it to be attacked."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from qbwc_server import app
from qbwc_server.companies import registry
from qbwc_server.sandbox.web_connector.soap_call import INTUIT
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from tests.conftest import Clock
from tests.waiting import until_somebody_listens
from tests.web_connector.desk import Desk, body_of, result

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Cost:
    """What a request cost: seconds, those of a processor, megabytes above rest."""

    answered: str
    seconds: float
    worked: float
    megabytes: float


@dataclass
class House:
    """The server's address and its processes."""

    port: int
    pid: int
    desk: Desk
    rest: float = 0.0

    def __post_init__(self) -> None:
        for _ in range(3):
            self.call("serverVersion", body_of("serverVersion"))
        self.rest = self.memory()

    def send(
        self,
        path: str,
        body: bytes,
        headers: dict[str, str] | None = None,
        *,
        seconds: float = 60,
    ) -> tuple[int, bytes]:
        """Post a body; return the status and the answer, (0, why) without one."""
        with closing(HTTPConnection(HOST, self.port, timeout=seconds)) as connection:
            try:
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    # It may answer before it has read everything.
                    connection.request("POST", path, body, headers or {})
                response = connection.getresponse()
                return response.status, response.read()
            except (HTTPException, OSError) as error:
                return 0, type(error).__name__.encode()

    def call(
        self,
        method: str,
        body: bytes,
        headers: dict[str, str] | None = None,
        *,
        seconds: float = 60,
    ) -> str:
        """Post a call; return what the method answered, as text."""
        status, answer = self.send(
            "/qbwc",
            body,
            {
                "SOAPAction": f'"{INTUIT}{method}"',
                "Content-Type": "text/xml; charset=utf-8",
                **(headers or {}),
            },
            seconds=seconds,
        )
        return str(result(method, answer)) if status == 200 else f"HTTP {status}"

    def asked(self) -> str:
        """Return the ticket of a fresh session that waits for an answer."""
        with self.desk.engine.begin() as connection:
            for table in (
                *(tables.job_event, tables.job, tables.exchange, tables.session),
                *(tables.reading, tables.record_event, tables.record),
            ):
                connection.execute(table.delete())
            connection.execute(
                tables.company.update().values(next_read_at=None, attention_id=None)
            )
        ticket = self.desk.ticket()
        assert "EmployeeQueryRq" in self.desk.first(ticket)
        return ticket

    def cost(self, send: Callable[[], str]) -> Cost:
        """Send something; memory is above what a server has that has just started."""
        for pid in self.pids():
            Path(f"/proc/{pid}/clear_refs").write_text("5")
        began, worked = time.perf_counter(), self._worked()
        answered = send()
        return Cost(
            answered,
            time.perf_counter() - began,
            self._worked() - worked,
            self._memory("VmHWM") - self.rest,
        )

    def memory(self) -> float:
        """Return the resident megabytes of its processes."""
        return self._memory("VmRSS")

    def pids(self) -> list[int]:
        """Return its processes."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [self.pid, *map(int, children.split())]

    def _worked(self) -> float:
        ticks = 0
        for pid in self.pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def _memory(self, what: str) -> float:
        return sum(
            int(line.split()[1]) / 1024
            for pid in self.pids()
            for line in Path(f"/proc/{pid}/status").read_text().splitlines()
            if line.startswith(what)
        )


@contextmanager
def house(folder: Path, *, files: int = 0, without: str = "") -> Iterator[House]:
    """Run `serve` on SQLite in a folder, with one company.

    `files` is how many it may open. `without` is Python that switches a rule off.
    """
    settings = Settings(data_dir=folder)
    made = app.parts(settings)
    company = registry.add(
        made.engine,
        made.keys,
        name="Alice",
        mosaic_url="http://127.0.0.1:9",
        mosaic_team="1",
        now=made.clock(),
    )
    desk = Desk(made.engine, made.keys, Clock(made.clock()), settings, company)
    with closing(socket.create_server((HOST, 0))) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "QBWC_DATA_DIR": str(folder)}
    environment["QBWC_LOG_JSON"] = "true"
    environment["PYTHONPATH"] = str(Path(app.__file__).parents[1])
    program = f"{without}\nfrom qbwc_server.cli import main; main()"
    command = [sys.executable, "-c", program, "serve", "--port", str(port)]
    if files:
        command = ["sh", "-c", f'ulimit -n {files}; exec "$@"', "sh", *command]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, cwd=folder
        )
    try:
        until_somebody_listens(port)
        desk.url = f"http://{HOST}:{port}"
        yield House(port, process.pid, desk)
    finally:
        process.terminate()
        process.wait(30)
        desk.file.close()
        made.engine.dispose()
