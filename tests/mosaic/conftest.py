"""A Mosaic in this process and a client of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import stamina

from qbwc_server.mosaic.client import MosaicClient
from qbwc_server.sandbox.mosaic.sandbox import MosaicSandbox

from .wire import KEY, NOON, Budget, Wire, connection


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """Let retries happen at once."""
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


def _time_out(_seconds: float) -> None:
    raise TimeoutError


@pytest.fixture
def sandbox() -> MosaicSandbox:
    """A Mosaic at noon."""
    return MosaicSandbox(api_key=KEY, clock=lambda: NOON, wait=_time_out)


@pytest.fixture
def budget() -> Budget:
    """A full purse."""
    return Budget()


@pytest.fixture
def client(sandbox: MosaicSandbox, budget: Budget) -> Iterator[MosaicClient]:
    """A client of that Mosaic."""
    client = MosaicClient(connection(), spend=budget, transport=Wire(sandbox))
    yield client
    client.close()


@pytest.fixture
def links(sandbox: MosaicSandbox) -> dict[str, Any]:
    """What a time entry points to, made by people in Mosaic."""
    portfolio = sandbox.create("portfolio", title="Main")
    project = sandbox.create(
        "project", portfolio_id=portfolio["mosaic_id"], title="Roof", client="Ann"
    )
    member = sandbox.create(
        "employee", email="bo@example.com", first_name="Bo", last_name="Li"
    )
    work = sandbox.create("standard_work_category", title="Design")
    return {
        "member_id": member["mosaic_id"],
        "project_id": project["mosaic_id"],
        "phase_id": project["main_phase_id"],
        "standard_work_category_id": work["mosaic_id"],
    }
