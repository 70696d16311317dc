"""The whole server, and browsers of people who do support."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy.engine import Engine
from werkzeug.test import Client, TestResponse

from qbwc_server import app
from qbwc_server.keys import Keys
from qbwc_server.settings import Settings
from qbwc_server.storage.database import operator_transaction
from qbwc_server.support import tokens
from tests import logged_in
from tests.conftest import Clock

OURS = {"Sec-Fetch-Site": "same-origin"}
"""What a browser says of a form of our own page."""


class Browser:
    """Somebody's browser, which keeps what it is given."""

    def __init__(self, parts: app.Parts) -> None:
        self._client = Client(app.wsgi(parts))

    def get(self, path: str) -> TestResponse:
        """Ask for a page."""
        return self._client.get(path)

    def post(
        self, path: str, headers: dict[str, str] | None = None, **fields: object
    ) -> TestResponse:
        """Send a form, as from our own page if nothing else is said."""
        headers = OURS if headers is None else headers
        return self._client.post(path, data=fields, headers=headers)

    def log_in(self, name: str, token: str, peer: str = "192.0.2.1") -> TestResponse:
        """Log in from an address."""
        return self._client.post(
            "/support/login",
            data={"name": name, "token": token},
            headers=OURS,
            environ_base={"REMOTE_ADDR": peer},
        )

    def keep(self, value: str) -> None:
        """Keep something else than what was given."""
        self._client.set_cookie("qbwc_support", value, path="/support")

    @property
    def kept(self) -> str:
        """What the browser keeps."""
        cookie = self._client.get_cookie("qbwc_support", path="/support")
        return "" if cookie is None else cookie.value


@pytest.fixture
def parts(settings: Settings, engine: Engine, keys: Keys, clock: Clock) -> app.Parts:
    """What the server is made from."""
    return app.Parts(settings, engine, keys, clock, logged_in.reading(engine))


@pytest.fixture
def browser(parts: app.Parts) -> Browser:
    """The browser of somebody who has not logged in."""
    return Browser(parts)


@pytest.fixture
def token_of(engine: Engine, keys: Keys, clock: Clock) -> Callable[..., str]:
    """A function that makes a token for somebody."""

    def make(name: str, *, may_act: bool = False) -> str:
        with operator_transaction(engine) as connection:
            return tokens.add(
                connection, keys, name, may_act=may_act, now=clock(), who="eve"
            )

    return make


@pytest.fixture
def ann(parts: app.Parts, token_of: Callable[..., str]) -> Browser:
    """The browser of Ann, who may act."""
    made = Browser(parts)
    assert made.log_in("ann", token_of("ann", may_act=True)).status_code == 303
    return made


@pytest.fixture
def bob(parts: app.Parts, token_of: Callable[..., str]) -> Browser:
    """The browser of Bob, who may only look."""
    made = Browser(parts)
    assert made.log_in("bob", token_of("bob")).status_code == 303
    return made
