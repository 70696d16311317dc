"""Machines: network namespaces of Linux on one switch, which can be switched off.

The switch is a namespace, too: what this machine does with what passes it (Docker has
it dropped) is not done there.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_SWITCH, _BRIDGE, _HERE = "qbwc-switch", "sw0", "qbwc-here"
NETWORK = "10.77.0"
GATEWAY = f"{NETWORK}.1"
"""This machine's own address there."""


def why_not() -> str:
    """Return why no machines can be made here, "" if they can."""
    if os.geteuid() != 0:
        return "only root makes network namespaces"
    for program in ("ip", "caddy", "setpriv"):
        if shutil.which(program) is None:
            return f"there is no {program} on this machine"
    made = subprocess.run(
        ["ip", "netns", "add", "qbwc-tried"], capture_output=True, check=False
    )
    if made.returncode:
        return f"no network namespace can be made: {made.stderr.decode().strip()}"
    _ip("netns", "del", "qbwc-tried")
    return ""


def _ip(*words: str, check: bool = True) -> str:
    return subprocess.run(
        ["ip", *words], capture_output=True, text=True, check=check
    ).stdout


class Machine:
    """One of them, with an address."""

    def __init__(self, name: str, number: int, folder: Path) -> None:
        self.name = f"qbwc-{name}"
        self.address = f"{NETWORK}.{number}"
        self._wire = f"qbwc-w{number}"
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        _ip("netns", "add", self.name)
        wire = ("link", "add", self._wire, "type", "veth", "peer", "name", "eth0")
        _ip("-n", _SWITCH, *wire, "netns", self.name)
        self._plug("master", _BRIDGE, "up")
        self._own("link", "set", "lo", "up")
        self._own("addr", "add", f"{self.address}/24", "dev", "eth0")
        self._own("link", "set", "eth0", "up")

    def _plug(self, *words: str) -> None:
        _ip("-n", _SWITCH, "link", "set", self._wire, *words)

    def _own(self, *words: str) -> None:
        _ip("-n", self.name, *words)

    def start(
        self, program: str, words: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        """Start a program under a name; it logs into a file of that name."""
        with (self._folder / f"{self.name}-{program}.log").open("ab") as log:
            self._running[program] = subprocess.Popen(
                ["ip", "netns", "exec", self.name, *words],
                env=environment,
                cwd="/",
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def run(
        self,
        words: Sequence[str],
        environment: Mapping[str, str],
        given: str | None = None,
    ) -> str:
        """Run a program to its end; return what it printed."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.name, *words],
            env=environment,
            cwd="/",
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def kill(self, program: str) -> None:
        """Kill a program and all of its processes with signal 9."""
        process = self._running.pop(program)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def switch_off(self) -> None:
        """Nothing runs there any more, and nothing that is sent there is answered."""
        self._plug("down")
        for pid in _ip("netns", "pids", self.name).split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        for process in self._running.values():
            process.wait()
        self._running.clear()

    def switch_on(self) -> None:
        """Have it in the network again; nothing runs yet."""
        self._plug("up")

    def take(self, address: str) -> None:
        """Have an address beside its own, as of the machine that had it."""
        self._own("addr", "add", f"{address}/24", "dev", "eth0")
        # As keepalived tells everybody.
        for one in (("-n", name) for name in _namespaces()):
            _ip(*one, "neigh", "flush", "to", address)
        _ip("neigh", "flush", "to", address)

    def give(self, address: str) -> None:
        """Have it no more."""
        self._own("addr", "del", f"{address}/24", "dev", "eth0")

    def close(self) -> None:
        """End all of it."""
        self.switch_off()
        _ip("netns", "del", self.name)


def _namespaces() -> list[str]:
    found = (line.split()[0] for line in _ip("netns", "list").splitlines() if line)
    return [name for name in found if name.startswith("qbwc-")]


class Network:
    """The switch, in which this machine has an address, too; gone with `close`."""

    def __init__(self) -> None:
        self.close()  # of a run that was cut off
        _ip("netns", "add", _SWITCH)
        _ip("-n", _SWITCH, "link", "add", _BRIDGE, "type", "bridge")
        _ip("-n", _SWITCH, "link", "set", _BRIDGE, "up")
        wire = ("link", "add", _HERE, "type", "veth", "peer", "name", "here")
        _ip(*wire, "netns", _SWITCH)
        _ip("-n", _SWITCH, "link", "set", "here", "master", _BRIDGE, "up")
        _ip("addr", "add", f"{GATEWAY}/24", "dev", _HERE)
        _ip("link", "set", _HERE, "up")

    def close(self) -> None:
        """Take it away, with all machines that are left."""
        for name in _namespaces():
            _ip("netns", "del", name)
        _ip("link", "del", _HERE, check=False)
