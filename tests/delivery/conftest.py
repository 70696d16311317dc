"""A company, its books and a Mosaic in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import stamina
from sqlalchemy.engine import Engine

from qbwc_server.companies.registry import NewCompany
from qbwc_server.keys import Keys
from qbwc_server.sandbox.mosaic.sandbox import MosaicSandbox
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from tests.conftest import Clock

from .mirror import Mirror, post_to


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """Let retries of reads happen at once."""
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


def time_out(_seconds: float) -> None:
    """Wait for something slow as a client with a time limit does."""
    raise TimeoutError


@pytest.fixture
def make_mirror(
    engine: Engine,
    keys: Keys,
    settings: Settings,
    clock: Clock,
    new_company: Callable[..., NewCompany],
) -> Callable[..., Mirror]:
    """A function that makes a company with a Mosaic of its own.

    Workers serve whoever is due, so those made before are not due any more.
    """
    # Reading time is waited for only by who means to.
    seldom = settings.model_copy(
        update={"time_hot_minutes": 180, "time_window_minutes": 360}
    )

    def make(name: str = "Alice & Co", **values: object) -> Mirror:
        with engine.begin() as connection:
            connection.execute(tables.duty.update().values(deliver_at=None))
        company = new_company(name, **values)
        sandbox = MosaicSandbox(
            clock=clock,
            wait=time_out,
            callback_url=f"http://localhost/webhook/{company.webhook_token}",
            post=post_to(lambda: made),
        )
        made = Mirror(engine, keys, seldom, clock, company, sandbox)
        return made

    return make


@pytest.fixture
def mirror(make_mirror: Callable[..., Mirror]) -> Mirror:
    """Alice's company."""
    return make_mirror()


@pytest.fixture
def firm(mirror: Mirror) -> Mirror:
    """Alice's company with a little of everything in its books, not read yet."""
    books = mirror.books
    books.customer("C1", "Acme", company_name="Acme Incorporated")
    books.customer("J1", "House", "C1")
    books.customer("P1", "Sketches", "J1")
    books.customer("D1", "Roof", "P1")
    books.customer("C2", "Bolt")
    books.customer("J2", "Garage", "C2")
    books.employee("E1", "Ann Lee", "ann@example.com")
    books.employee("E2", "Bo Berg", None)
    books.item("S1", "Design")
    books.item("S2", "Detail", "S1")
    return mirror
