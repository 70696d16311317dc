"""A desk for each test: company, company file, and our server on a real socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy.engine import Engine

from qbwc_server.companies import NewCompany
from qbwc_server.keys import Keys
from qbwc_server.settings import Settings
from tests.conftest import Clock
from tests.protocol.desk import Desk, serving


@pytest.fixture
def new_desk(
    engine: Engine,
    keys: Keys,
    clock: Clock,
    settings: Settings,
    new_company: Callable[..., NewCompany],
) -> Iterator[Callable[..., Desk]]:
    """A function that sets up a desk for a company of its own, without a socket."""
    made: list[Desk] = []

    def make(name: str = "Alice & Co") -> Desk:
        made.append(Desk(engine, keys, clock, settings, new_company(name)))
        return made[-1]

    yield make
    for one in made:
        one.file.close()


@pytest.fixture
def desk(new_desk: Callable[..., Desk]) -> Iterator[Desk]:
    """A desk whose server is reached over a socket."""
    made = new_desk()
    with serving(made.wsgi):
        yield made
