"""Plants for tests, and what of them is kept when a test fails."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.faults.plant import Plant
from tests.faults.verdict import come_to_rest

MakePlant = Callable[..., Plant]
LONG = bool(os.environ.get("FAULT_MINUTES"))
"""`make soak`: everything on both databases."""


def on(database: str) -> list[str]:
    """Return the databases of a test whose quick form runs on one of them."""
    return ["sqlite", "postgresql"] if LONG else [database]


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """The kind of database: every test that asks runs on both."""
    return str(request.param)


@pytest.fixture
def make_plant(database: str) -> Iterator[MakePlant]:
    """A function that makes a plant whose lists are on both sides."""
    made: list[Plant] = []

    def make(**more: Any) -> Plant:
        plant = Plant(database, **more)
        made.append(plant)
        come_to_rest(plant)
        return plant

    yield make
    for plant in made:
        plant.close()
