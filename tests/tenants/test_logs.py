"""What logs are never to show, whoever writes them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from qbwc_server.logs import scrub, set_up_logs
from qbwc_server.serving.processes import configured

TOKEN = "dpng72n6fb2wylavrfkwkdb23r4px3yk"
TICKET = "7-" + "0f" * 20


@pytest.fixture
def logs() -> Iterator[io.StringIO]:
    """What is written while a test runs."""
    root = logging.getLogger()
    before = (structlog.get_config(), root.handlers[:], root.level)
    set_up_logs(level="DEBUG", as_json=True)
    written = io.StringIO()
    root.handlers[0].setStream(written)  # type: ignore[attr-defined]
    yield written
    structlog.configure(**before[0])
    root.handlers[:] = before[1]
    root.setLevel(before[2])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://qbwc:pass@db/x", "postgresql://[hidden]@db/x"),
        ("redis://:p%40ss@db", "redis://[hidden]@db"),
        (f"GET /setup/{TOKEN}/x.qwc 500", "GET /setup/[hidden]/x.qwc 500"),
        ("POST /webhook/short?x", "POST /webhook/[hidden]?x"),
        (f"ticket {TICKET} refused", "ticket 7-[hidden] refused"),
        (f"password {TOKEN}.", "password [hidden]."),
        ("{'Authorization': 'Bearer abc'}", "{'Authorization': '[hidden]'}"),
        ("(b'authorization', b'abc')", "(b'authorization', b'[hidden]')"),
        ("strPassword=hunter2&x=1", "strPassword=[hidden]"),
        ("SSN 123-45-6789", "SSN [hidden]"),
        (
            "duplicate key\nDETAIL:  Key (name)=(Ann\nLee) already.\n[SQL: SELECT 1]",
            "duplicate key\n[SQL: SELECT 1]",
        ),
        (
            "Error('not null\\nDETAIL:  Failing row contains (1, Ann).\\n[SQL: x]')",
            "Error('not null\\n[SQL: x]')",
        ),
        ("bad\nCONTEXT:  unnamed portal parameter $1 = 'Ann'", "bad"),
        (
            'invalid input syntax for type bigint: "Ann"',
            "invalid input syntax for type bigint: [hidden]",
        ),
        (
            "nothing secret: job 3-17, 2026-01-02",
            "nothing secret: job 3-17, 2026-01-02",
        ),
    ],
)
def test_what_looks_like_a_secret_or_a_row_is_hidden(text: str, shown: str) -> None:
    """And the rest is left, so that a line still says what happened."""
    assert scrub(text) == shown


def test_a_secret_is_hidden_wherever_it_is_in_a_line(logs: io.StringIO) -> None:
    """In the event, in lists and mappings, in exceptions, in what libraries say."""
    log = structlog.get_logger("ours")
    said = f"made {TOKEN}"
    log.info(said, parts=[TOKEN, {TICKET: TICKET}], when=1.5)
    log.warning("object", thing=ValueError(TOKEN), password=TOKEN)
    nothing: dict[str, str] = {}
    try:
        nothing[TOKEN]
    except KeyError:
        log.exception("failed")
    logging.getLogger("library").error("called /setup/%s", TOKEN)

    lines = [json.loads(line) for line in logs.getvalue().splitlines()]
    assert len(lines) == 4
    assert TOKEN not in logs.getvalue()
    assert TICKET not in logs.getvalue()
    assert lines[0]["when"] == 1.5
    assert "KeyError: '[hidden]'" in lines[2]["exception"]


def test_the_http_server_writes_no_address_of_a_request_past_us(
    logs: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    """By itself it logs the address of each request, by handlers of its own."""
    configured(_nobody, _nothing)
    logging.getLogger("uvicorn.error").error("failed: %s", f"/setup/{TOKEN}")
    logging.getLogger("uvicorn.access").info("asked: %s", f"/setup/{TOKEN}")

    assert logs.getvalue().count("/setup/[hidden]") == 1
    assert TOKEN not in logs.getvalue() + "".join(capfd.readouterr())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        assert logging.getLogger(name).handlers == []


async def _nobody(*_: object) -> None:
    """Answer nothing."""


async def _nothing() -> None:
    """Say nothing."""
