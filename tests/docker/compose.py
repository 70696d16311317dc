"""What an operator does: a copy of the project, `make`, and docker compose."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import IO

from tests.waiting import until

TREE = Path(__file__).parents[2]
PROJECT = os.environ.get("DOCKER_TEST_PROJECT", "qbwc-docker-test")
_MOST_SECONDS = 240
_IMAGES = {
    "PYTHON_IMAGE": "python:3.12-slim",
    "POSTGRES_IMAGE": "postgres:17",
    "CADDY_IMAGE": "caddy:2",
}


def why_not() -> str:
    """Return why nothing can be run in containers here, "" if it can."""
    if shutil.which("docker") is None:
        return "there is no docker on this machine"
    asked = subprocess.run(
        ["docker", "info", "--format", "{{.ServerVersion}}"],
        capture_output=True,
        text=True,
        check=False,
    )
    if asked.returncode:
        host = os.environ.get("DOCKER_HOST", "its usual place")
        return f"no Docker engine answers at {host}: {asked.stderr.strip()[:200]}"
    if not command():
        return "there is neither docker compose nor docker-compose"
    for name, usual in _IMAGES.items():
        image = os.environ.get(name, usual)
        if not any(
            _docker(*words, image) for words in (("image", "inspect"), ("pull",))
        ):
            return f"the image {image} cannot be had; {name} may name another"
    return ""


def _docker(*words: str) -> bool:
    asked = subprocess.run(["docker", *words], capture_output=True, check=False)
    return asked.returncode == 0


def command() -> list[str]:
    """Return how docker compose is called here, nothing if it is not there."""
    for words in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(words[0]) is None:
            continue
        asked = subprocess.run([*words, "version"], capture_output=True, check=False)
        if not asked.returncode:
            return words
    return []


class Project:
    """A copy of the project in a folder, and the containers that run from it.

    Every command and what it printed goes to `log`.
    """

    def __init__(self, folder: Path, log: IO[str]) -> None:
        self.folder = folder / "clone"
        self._log = log
        self.port = 0
        self._compose = command()
        self._environment = dict(os.environ) | {
            "COMPOSE_PROJECT_NAME": PROJECT,
            "QBWC_IMAGE": f"{PROJECT}-server",
            "QBWC_PROXY_IMAGE": f"{PROJECT}-proxy",
            "COMPOSE": " ".join(self._compose),
        }
        self._copy()

    def _copy(self) -> None:
        """Copy what a clone would have; also what is not committed yet."""
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=TREE,
            capture_output=True,
            check=True,
        ).stdout.decode()
        for name in filter(None, listed.split("\0")):
            if (TREE / name).is_file():
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(TREE / name, self.folder / name)

    def run(self, *words: str, given: str | None = None, fails: bool = False) -> str:
        """Run a command in the folder; return what it printed to stdout.

        `fails` says that it must end with an error; then what it said is returned.
        """
        begun = time.monotonic()
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=self._environment,
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            text=True,
            timeout=_MOST_SECONDS,
            check=False,
        )
        took = time.monotonic() - begun
        said = done.stdout + done.stderr
        self.note(
            f"$ {' '.join(words)}  ({took:.1f} s, exit {done.returncode})\n{said}"
        )
        assert bool(done.returncode) == fails, said[-3000:]
        return said if fails else done.stdout

    def cut(self, *words: str, at: str) -> None:
        """Run a command, and kill it when it prints a line that begins so."""
        with subprocess.Popen(
            words,
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as running:
            assert running.stdout is not None
            said = []
            for line in running.stdout:
                said.append(line)
                if line.startswith(at):
                    os.killpg(running.pid, signal.SIGKILL)
        self.note(f"$ {' '.join(words)}  (killed at {at!r})\n{''.join(said)}")
        assert running.returncode == -signal.SIGKILL, said[-30:]

    def note(self, text: str) -> None:
        """Write to the log."""
        self._log.write(f"{time.strftime('%H:%M:%S')} {text.rstrip()}\n")
        self._log.flush()

    def compose(
        self, *words: str, given: str | None = None, fails: bool = False
    ) -> str:
        """Run docker compose; see `run`."""
        return self.run(*self._compose, *words, given=given, fails=fails)

    def inside(
        self, service: str, *words: str, given: str | None = None, fails: bool = False
    ) -> str:
        """Run a command in the first container of a service; see `run`."""
        return self.compose("exec", "-T", service, *words, given=given, fails=fails)

    def authority(self) -> str:
        """Return the certificate of the proxy's own authority, "" before it is made."""
        path = "/data/caddy/pki/authorities/local/root.crt"
        text = self.inside("proxy", "sh", "-c", f"cat {path} || true")
        return text if "END CERTIFICATE" in text else ""

    def server(self, *words: str, given: str | None = None, fails: bool = False) -> str:
        """Run a command as an operator does: in a container of its own."""
        told = ("run", "--rm", "-T", "operator")
        return self.compose(*told, *words, given=given, fails=fails)

    def sql(self, statement: str) -> str:
        """Ask the database as its administrator; return rows of columns with "|"."""
        password = "PGPASSWORD=$(cat /run/secrets/POSTGRES_PASSWORD)"
        line = f"{password} exec psql -U postgres -At -d qbwc"
        (db,) = self.containers("db")
        words = ("docker", "exec", "-i", db, "sh", "-c", line)
        return self.run(*words, given=statement).strip()

    def up(self, *options: str) -> None:
        """Have everything run, and wait until it says that it is healthy."""
        self.compose("up", "-d", *options)
        self.healthy()

    def containers(self, service: str) -> list[str]:
        """Return the ids of a service's containers that are there."""
        return self._find(f"com.docker.compose.service={service}")

    def _find(self, label: str) -> list[str]:
        ours = f"label=com.docker.compose.project={PROJECT}"
        words = ("--filter", ours, "--filter", f"label={label}", "--no-trunc")
        return self.run("docker", "ps", "-aq", *words).split()

    def healthy(
        self, services: Sequence[str] = ("db", "web", "worker", "proxy")
    ) -> None:
        """Wait until the containers of services say that they are healthy."""
        wanted = [one for name in services for one in self.containers(name)]
        try:
            until(
                lambda: set(self.states(wanted)) == {"running healthy"},
                seconds=_MOST_SECONDS,
            )
        except AssertionError:
            states, said = self.states(wanted), self.logs()[-5000:]
            raise AssertionError(f"not healthy: {states}\n{said}") from None

    def is_whole(self) -> bool:
        """Tell whether one container of each service runs and is healthy."""
        found = self._find(f"com.docker.compose.project={PROJECT}")
        ended = ["exited "] * 2  # roles and migrate
        return sorted(self.states(found)) == [*ended, *["running healthy"] * 4]

    def states(self, containers: Sequence[str]) -> list[str]:
        """Return of containers how they are, as "running healthy"."""
        form = "{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}}"
        done = subprocess.run(
            ["docker", "inspect", "--format", form, *containers],
            capture_output=True,
            text=True,
            check=True,
            env=self._environment,
        )
        return done.stdout.splitlines()

    def kill(self, container: str) -> None:
        """End a container with signal 9; it stays away until it is started."""
        self.run("docker", "kill", "--signal", "KILL", container)

    def revive(self, container: str) -> None:
        """Start a container that was killed."""
        self.run("docker", "start", container)
        self.healthy()

    def connections(self, container: str) -> int:
        """Return how many TCP connections a container has accepted so far."""
        text = self.run("docker", "exec", container, "cat", "/proc/net/snmp")
        names, values = (
            line.split() for line in text.splitlines() if line.startswith("Tcp:")
        )
        return int(values[names.index("PassiveOpens")])

    def address(self, container: str) -> str:
        """Return a container's address in the network of the database."""
        told = json.loads(self.run("docker", "inspect", container))[0]
        networks = told["NetworkSettings"]["Networks"]
        return str(networks[f"{PROJECT}_inside"]["IPAddress"])

    def gateway(self) -> str:
        """Return this machine's address as containers see it.

        An engine that found its bridge there tells the subnet only: then it has the
        first address of it.
        """
        form = "{{json (index .IPAM.Config 0)}}"
        told = self.run("docker", "network", "inspect", "bridge", "--format", form)
        found = json.loads(told)
        first = next(ip_network(found["Subnet"]).hosts())
        return str(found.get("Gateway") or first)

    def told(self) -> dict[str, str]:
        """Return what .env says."""
        lines = (self.folder / ".env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if line[:1].isupper())

    def inspected(self) -> str:
        """Return all that the engine tells of our containers and images."""
        ours = self._find(f"com.docker.compose.project={PROJECT}")
        return self.run("docker", "inspect", *ours)

    def logs(self) -> str:
        """Return what all containers have logged."""
        return self.compose("logs", "--no-color")

    def down(self) -> None:
        """Take all containers, networks and volumes away."""
        self.compose("down", "-v", "--remove-orphans")
