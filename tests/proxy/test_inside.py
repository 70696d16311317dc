"""Figures are for the inside: no proxy gives them away, however they are asked for."""

from __future__ import annotations

import http.client
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import SECRET
from tests.proxy import caddy, front
from tests.proxy.caddy import Caddy
from tests.proxy.front import Front
from tests.proxy.test_strangers import anybody

CLOSED = """\t\t@inside path /metrics /metrics/*
\t\trespond @inside 404
"""
TOKEN = "a-token-that-prometheus-has"
SHOWN = {"Authorization": f"Bearer {TOKEN}"}
FIGURES = "qbwc_database_ready"
SPELLINGS = (
    "/metrics",
    "/metrics/",
    "/metrics?a=b",
    "//metrics",
    "/./metrics",
    "/static/../metrics",
    "/%6detrics",
    "/metric%73",
    "/%2e/metrics",
    "/metrics/%2e",
)


def _ask(port: int, path: str, *, tls: bool) -> tuple[int, str]:
    """Return status and text of the answer to who shows the token."""
    asked = (
        http.client.HTTPSConnection("localhost", port, timeout=30, context=anybody())
        if tls
        else http.client.HTTPConnection("localhost", port, timeout=30)
    )
    with closing(asked):
        asked.request("GET", path, headers=SHOWN)
        answer = asked.getresponse()
        return answer.status, answer.read().decode()


@pytest.mark.parametrize("kind", ["caddy", "nginx"])
def test_no_spelling_brings_the_figures_through_a_proxy(
    kind: str, tmp_path: Path, sqlite_url: str
) -> None:
    """Also for who shows the token, which would travel in the clear over http."""
    told = {"QBWC_METRICS_TOKEN": TOKEN}
    made: Caddy | Front
    if kind == "caddy":
        caddy.program()
        made = Caddy(tmp_path, sqlite_url, SECRET, **told)
        https, plain, server, over_http = made.https, made.http, made.server, 404
    else:
        front.program()
        made = Front(tmp_path, sqlite_url, SECRET, **told)
        ports = made.ports
        https, plain, server, over_http = ports.https, ports.http, ports.server, 403
    try:
        made.begin()
        status, text = _ask(server, "/metrics", tls=False)
        assert status == 200
        assert FIGURES in text
        for path in SPELLINGS:
            assert _ask(https, path, tls=True)[0] == 404, path
            assert _ask(plain, path, tls=False)[0] == over_http, path
        assert _ask(https, "/healthz", tls=True)[0] == 200
    finally:
        made.close()


def test_beside_the_route_caddy_would_give_them_away(
    tmp_path: Path, sqlite_url: str
) -> None:
    """The negative control: Caddy sorts `respond` behind `route`."""
    caddy.program()
    made = Caddy(tmp_path, sqlite_url, SECRET, QBWC_METRICS_TOKEN=TOKEN)
    try:
        made.begin(moved=(CLOSED, "\troute {"))
        status, text = _ask(made.https, "/metrics", tls=True)
        assert status == 200
        assert FIGURES in text
    finally:
        made.close()
