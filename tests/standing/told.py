"""What each place that a person reads tells of a company, as values to compare."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from click.testing import CliRunner
from lxml import html
from sqlalchemy.engine import Engine
from werkzeug.test import Client

from qbwc_server import words
from qbwc_server.cli import main
from qbwc_server.companies.sessions import Session
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_reading
from qbwc_server.web_connector import status_column
from tests.conftest import Clock

URL = "http://localhost:8000"
DAY = "2026-03-02"
_TITLES = {title: need for need, title in words.NEEDS.items()}
_STATUS = re.compile(r"(?:(More than )?([\d,]+)) needs? you: ")


def number(text: str) -> int:
    """Return a number as people read it; from 1,000 on it has separators."""
    text = text.strip()
    assert re.fullmatch(r"\d{1,3}(,\d{3})*", text), text
    return int(text.replace(",", ""))


def _read(server: Client, address: str) -> Any:
    return html.fromstring(server.get(address).text)


def _line(element: Any) -> str:
    return " ".join(element.text_content().split())


@dataclass(frozen=True)
class Page:
    """What the overview tells, and what stands on every page."""

    tone: str
    working: str
    missing: str
    do: tuple[str, ...]
    known: str
    table: dict[str, dict[str, int]]
    """By plural of the kind and need."""
    said: str
    """What is read aloud when it changes."""
    badges: dict[str, int]
    details: str

    @classmethod
    def of(cls, server: Client, token: str) -> Page:
        """Read the overview."""
        whole = _read(server, f"/setup/{token}/overview")
        (answers,) = whole.xpath("//section[contains(@class, 'answers')]")
        parts = {
            _line(one.find("dt")): one.find("dd") for one in answers.xpath("./dl/div")
        }
        do = parts["What must I do?"]
        listed = tuple(_line(one) for one in do.xpath("./ol/li"))
        (table,) = whole.xpath("//table[@class='kinds']")
        known = parts.get("What is to be known?")
        badges = {}
        for link in whole.xpath("//nav//a"):
            for count in link.xpath("./span[@class='count']"):
                badges[link.text.strip()] = number(count.text)
        return cls(
            tone=answers.get("class").split()[-1],
            working=_line(parts["Is it working?"]).partition(" Since ")[0],
            missing=_line(parts["What is missing?"]),
            do=listed or (" ".join(do.text.split()),),
            known="" if known is None else _line(known),
            table={
                _line(row.find("th")).lower(): {
                    _TITLES[cell.get("data-title")]: number(cell.text_content())
                    for cell in row.xpath("./td")
                }
                for row in table.xpath("./tbody/tr")
            },
            said=table.get("data-say"),
            badges=badges,
            details=whole.get_element_by_id("details").text_content(),
        )


def listed(server: Client, token: str, need: str, kind: str = "") -> list[int]:
    """Return the numbers of all records of a list, by following its pages."""
    found: list[int] = []
    where: str | None = f"/setup/{token}/records?need={need}&kind={kind}"
    while where is not None:
        page = _read(server, where)
        text = " ".join(_line(one) for one in page.xpath("//ul[@class='cards']/li"))
        found += [int(one) for one in re.findall(r", number 1-(\d+)", text)]
        following = page.xpath("//a[@rel='next']/@href")
        where = str(following[0]) if following else None
    return found


def downloaded(server: Client, token: str) -> dict[int, dict[str, str]]:
    """Return the rows of records.csv by their numbers, with the need of each."""
    text = server.get(f"/setup/{token}/records.csv").text.removeprefix("\ufeff")
    rows = {int(one["number"]): one for one in csv.DictReader(io.StringIO(text))}
    for row in rows.values():
        row["need"] = _TITLES[row["stands"]]
    return rows


def hours(server: Client, token: str) -> list[dict[str, str]]:
    """Return the rows of hours.csv of the day on which all entries are."""
    address = f"/setup/{token}/hours.csv?from={DAY}&to={DAY}"
    text = server.get(address).text.removeprefix("\ufeff")
    return list(csv.DictReader(io.StringIO(text)))


def by_kind_and_need(rows: dict[int, dict[str, str]]) -> Counter[tuple[str, str]]:
    """Count the rows of a download."""
    return Counter((row["kind"], row["need"]) for row in rows.values())


@dataclass(frozen=True)
class Views:
    """What support sees."""

    company: Any
    reasons: list[Any]
    records: dict[int, Any]
    hours: list[Any]

    @classmethod
    def of(cls, engine: Engine) -> Views:
        """Read the views of company 1."""
        with engine.begin() as connection:
            found = {
                name: list(
                    connection.execute(
                        sa.text(f"SELECT * FROM support_{name} WHERE company_id = 1")
                    )
                )
                for name in ("companies", "attentions", "records", "hours")
            }
        reasons = sorted(found["attentions"], key=lambda one: one.place)
        records = {one.record_id: one for one in found["records"]}
        return cls(found["companies"][0], reasons, records, found["hours"])


def status(engine: Engine, clock: Clock) -> tuple[str, int]:
    """Return what Web Connector shows after a run, and how many it says need you.

    More than 1,000 are told as 1,001.
    """
    with company_reading(engine, 1) as connection:
        session = connection.execute(sa.select(tables.session)).first()
        assert session is not None
        said = status_column.at_close(connection, Session.of(session), URL, clock())
    assert len(said) < 200
    found = _STATUS.search(said)
    if found is None:
        return said, 0
    more, many = found.groups()
    return said[: found.start()].strip(), number(many) + bool(more)


def explained(record_ids: list[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield what the command says of some records."""
    for one in record_ids:
        result = CliRunner().invoke(
            main, ["records", "explain", f"1-{one}", "--json"], catch_exceptions=False
        )
        assert result.exit_code == 0, result.output
        yield one, json.loads(result.output)
