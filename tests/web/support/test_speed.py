"""Every page finds what it shows by an index, whatever is in the database."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server import app
from qbwc_server.storage.database import make_engine
from tests.conftest import Kept
from tests.web.support import many
from tests.web.support.conftest import Browser

_COMPANIES, _RECORDS = 300, 100_000
_FEW, _MANY = 400, 12_000
"""Blocks of 8 KB that a page may touch: for one thing, and for a list or an overview.

A tenth of all rows are the first company's, whose pages these are: what reads that
tenth, or an index from end to end, touches more.
"""
_ONE = re.compile(r"/support/\w+/\d+-\d+$")


@dataclass
class Plans:
    """What a page's questions read: which great tables whole, and how many blocks."""

    whole: dict[str, set[str]] = field(default_factory=dict)
    blocks: int = 0
    asked: int = 0


@pytest.fixture
def engine(postgres_url: str, kept_databases: Kept) -> Iterator[Engine]:
    """Many companies and records; SQLite's plans tell less, its tables are small."""
    made = make_engine(postgres_url)
    if kept_databases.put(made, "many") is None:
        many.fill(made, companies=_COMPANIES, records=_RECORDS)
        kept_databases.keep(made, "many", beside=True)
    yield made
    made.dispose()


@pytest.fixture
def database_url(postgres_url: str) -> str:
    """The server's is the same one."""
    return postgres_url


def _plans(parts: app.Parts, browser: Browser, path: str) -> Plans:
    """Ask for a page, and then for the plan of each of its questions."""
    asked: list[tuple[str, Any]] = []

    def listen(_c: Any, _cursor: Any, text: str, values: Any, *_: Any) -> None:
        if "FROM support_" in text or "FROM (SELECT" in text:
            asked.append((text, values))

    reading = parts.reading
    sa.event.listen(reading, "before_cursor_execute", listen)
    assert browser.get(path).status_code == 200, path
    sa.event.remove(reading, "before_cursor_execute", listen)
    found = Plans(asked=len(asked))
    with parts.engine.connect() as connection:
        for text, values in asked:
            explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {text}"
            told = connection.exec_driver_sql(explain, values).scalar_one()
            plan = told[0]["Plan"]
            found.blocks += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
            whole = set(_whole(plan))
            if whole:
                found.whole[re.sub(r"\s+", " ", text)] = whole
    return found


def _whole(node: dict[str, Any]) -> Iterator[str]:
    """Yield the great tables that a plan reads from beginning to end."""
    if node["Node Type"] == "Seq Scan" and node["Relation Name"] in many.GREAT:
        yield node["Relation Name"]
    for below in node.get("Plans", ()):
        yield from _whole(below)


def test_no_page_reads_a_great_table_whole_nor_much_of_it(
    parts: app.Parts, bob: Browser
) -> None:
    """Lists with every filter, single things, and what is found by what one has."""
    for path in many.PAGES:
        found = _plans(parts, bob, path)
        assert found.asked > 0, path
        assert found.whole == {}, path
        assert found.blocks < (_FEW if _ONE.match(path) else _MANY), path


def test_a_page_that_lacks_its_index_would_be_found(
    parts: app.Parts, bob: Browser
) -> None:
    """The negative control: one index less each time."""
    for index, path in (
        ("ix_record_external_guid", "/support/search?find=x"),
        ("ix_record_quickbooks_id", "/support/search?find=T17"),
        ("ix_record_event_record", "/support/records/1-170"),
        ("ix_job_event_job", "/support/jobs/1-170"),
        ("ix_exchange_session", "/support/sessions/1-170"),
        ("ix_record_state", "/support/companies/1/records?state=gone"),
    ):
        before = _plans(parts, bob, path)
        with parts.engine.begin() as connection:
            connection.exec_driver_sql(f"DROP INDEX {index}")
        found = _plans(parts, bob, path)
        assert found.whole or found.blocks > 2 * before.blocks, index
