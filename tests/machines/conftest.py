"""One set of machines for all tests, which leave it whole and both sides equal."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docker.house import Customer
from tests.machines import house, network
from tests.machines.house import PUBLIC_NAME, SHARED, URL, Machines


@pytest.fixture(scope="session")
def machines() -> Iterator[Machines]:
    """Four machines, up."""
    if why := network.why_not() or house.why_not():
        pytest.skip(f"NOT RUN ON MANY MACHINES: {why}")
    # Not pytest's own folder: PostgreSQL's user must get into it.
    folder = Path(tempfile.mkdtemp(prefix="qbwc-machines-"))
    folder.chmod(0o755)
    log = Path(os.environ.get("MACHINES_TEST_LOG", folder / "machines-test.log"))
    with log.open("w") as opened:
        made = Machines(folder, opened)
        try:
            made.begin()
            yield made
        finally:
            made.close()
            if "MACHINES_TEST_LOG" not in os.environ:
                shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def customer(
    machines: Machines, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Customer]:
    """A company of these servers, after its first sync; it knows their name."""
    folder = tmp_path_factory.mktemp("customer")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", _knowing_the_name(socket.getaddrinfo))
        made = Customer(machines, folder, URL, time_entries=400)
        try:
            made.sync()
            yield made
        finally:
            made.close()


def _knowing_the_name(ask: Callable[..., Any]) -> Callable[..., Any]:
    def asked(host: Any, *words: Any, **named: Any) -> Any:
        return ask(SHARED if host == PUBLIC_NAME else host, *words, **named)

    return asked
