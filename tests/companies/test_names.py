"""What a new company may be called, and what becomes of its name."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.companies import connection_file, registry
from qbwc_server.companies.names import CompanyExists, CompanyNameBlank
from qbwc_server.companies.registry import NewCompany
from qbwc_server.storage import tables
from qbwc_server.words import qwc

NewCompanies = Callable[..., NewCompany]


@pytest.mark.parametrize(
    "name",
    [" Harbor & Vale", "Harbor & Vale ", "Harbor  &\tVale\n", "Harbor\u00a0& Vale"],
)
def test_blanks_that_are_too_many_are_taken_away_before_a_name_is_kept(
    engine: Engine, new_company: NewCompanies, name: str
) -> None:
    """And from what a company is asked for by, too."""
    made = new_company(name)
    assert made.name == "Harbor & Vale"
    for asked in ("Harbor & Vale", name):
        assert registry.find(engine, asked).id == made.id
    with pytest.raises(CompanyExists, match="'Harbor & Vale'"):
        new_company("Harbor & Vale")


def test_a_name_that_was_kept_with_a_blank_is_still_found(
    engine: Engine, new_company: NewCompanies
) -> None:
    """An earlier version kept names as they came; the company of today goes first."""
    early, late = new_company("Early"), new_company("Late")
    with engine.begin() as connection:
        table = tables.company
        connection.execute(
            table.update().where(table.c.id == early.id).values(name="Vale ")
        )
        connection.execute(
            table.update().where(table.c.id == late.id).values(name="Vale")
        )
    assert registry.find(engine, "Vale ").id == early.id
    assert registry.find(engine, "Vale").id == late.id
    assert registry.find(engine, " Vale").id == late.id


@pytest.mark.parametrize("name", ["", " ", "\t\n", "\u00a0", "\u200b", "\u202e \u200f"])
def test_a_name_in_which_nothing_can_be_seen_is_refused(
    engine: Engine, new_company: NewCompanies, name: str
) -> None:
    """It would be "Mosaic for" in Web Connector."""
    with pytest.raises(CompanyNameBlank) as raised:
        new_company(name)
    assert raised.value.id == "company-name-blank"
    assert registry.every(engine) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Harbor & Vale", "HARBOR & VALE"),
        ("Caf\u00e9", "Cafe\u0301"),
        ("Stra\u00dfe", "STRASSE"),
        ("\u540d\u524d", "\u540d\u200b\u524d"),
        ("A B", "A \u200f B"),
    ],
)
def test_a_name_that_would_look_the_same_in_web_connector_is_refused(
    engine: Engine, new_company: NewCompanies, one: str, other: str
) -> None:
    """Nobody could say for which of the two a password is."""
    new_company(one)
    with pytest.raises(
        CompanyExists, match=re.escape(repr(registry.every(engine)[0].name))
    ):
        new_company(other)
    assert len(registry.every(engine)) == 1


def test_no_two_companies_have_one_app_name(
    engine: Engine, new_company: NewCompanies
) -> None:
    """It is what their connection files say."""
    for name in ("Alice", "Alice 2", "A lice", "\u540d\u524d", "\u524d\u540d"):
        new_company(name)
    files = [
        qwc.parse(connection_file.qwc_of(one, "https://qb.example.com"))
        for one in registry.every(engine)
    ]
    assert len({one.app_name for one in files}) == len(files)
    assert all(one.username.isascii() for one in files)


def test_a_user_name_that_another_company_has_is_made_anew(
    engine: Engine, new_company: NewCompanies, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Companies of other scripts begin with the same word."""
    numbers = [
        uuid.UUID(int=1 << 127),
        uuid.UUID(int=1 << 127),
        uuid.UUID(int=1 << 126),
    ]
    real, ours = uuid.uuid4, iter(numbers)
    monkeypatch.setattr(
        "qbwc_server.companies.names.uuid",
        type("Numbers", (), {"uuid4": staticmethod(lambda: next(ours))}),
    )
    assert uuid.uuid4 is real
    new_company("\u540d\u524d")
    new_company("\u6771\u4eac")
    with engine.begin() as connection:
        names = connection.execute(sa.select(tables.company.c.username)).scalars().all()
    assert sorted(names) == ["company-400000", "company-800000"]
