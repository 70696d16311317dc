"""What the database says of itself: comments on everything, and the words."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server import words
from qbwc_server.kinds import KINDS, time_entry
from qbwc_server.storage import meanings, schema, tables

_READ = ("what", "state", "why", "who_must_act", "next_step", "since")


def test_every_table_view_and_column_has_a_comment(postgres_url: str) -> None:
    """Read from the catalogue; one that is made later cannot be forgotten."""
    engine = sa.create_engine(
        postgres_url.replace("postgresql:", "postgresql+psycopg:")
    )
    with engine.begin() as connection:
        silent = connection.exec_driver_sql(
            "SELECT c.relname, a.attname FROM pg_class c"
            " JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'"
            " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"
            " WHERE c.relkind IN ('r', 'v') AND c.relname <> 'alembic_version'"
            " AND NOT a.attisdropped"
            " AND (coalesce(col_description(c.oid, a.attnum), '') = ''"
            "  OR coalesce(obj_description(c.oid, 'pg_class'), '') = '')"
        ).all()
        told = connection.exec_driver_sql(
            "SELECT obj_description('support_records'::regclass)"
        ).scalar()
    assert silent == []
    assert told == meanings.VIEWS["support_records"][0]
    engine.dispose()


def test_comments_are_of_what_is_there_and_of_nothing_else(engine: Engine) -> None:
    """Every meaning is of a column, on both databases."""
    found = sa.inspect(engine)
    there = {
        name: {column["name"] for column in found.get_columns(name)}
        for name in (*tables.metadata.tables, *found.get_view_names())
    }
    assert there == {
        name: set(columns) for name, (_, columns) in meanings.EVERY.items()
    }


@pytest.mark.parametrize("name", meanings.EVERY)
def test_meanings_are_short_plain_sentences(name: str) -> None:
    """One line each: they are read in a narrow column of psql."""
    about, columns = meanings.EVERY[name]
    for text in (about, *columns.values()):
        assert text.isascii()
        assert text.endswith(".")
        assert len(text) < 100


def test_columns_stand_in_the_order_in_which_a_person_reads(engine: Engine) -> None:
    """The company, what it is and where it stands; then what can be copied."""
    found = sa.inspect(engine)
    in_order = set()
    for view in meanings.VIEWS:
        names = [column["name"] for column in found.get_columns(view)]
        if "company" in names:
            assert names[0] == "company", view
            assert names.index("company_id") > names.index("what"), view
        if {*_READ} <= {*names[:8]}:
            assert tuple(one for one in names if one in _READ) == _READ
            in_order.add(view)
    assert in_order == {
        f"support_{one}"
        for one in ("companies", "sessions", "jobs", "records", "exchanges", "calls")
    }


def test_the_words_in_the_database_are_the_program_s(engine: Engine) -> None:
    """An upgrade writes what differs: after a change of words, and after a mistake."""
    wanted = set(words.rows((*KINDS, time_entry.NAME)))
    with engine.begin() as connection:
        assert {tuple(row) for row in connection.execute(sa.select(tables.word))} == (
            wanted
        )
        connection.execute(tables.word.update().values(happened="Something else."))
        connection.execute(tables.word.delete().where(tables.word.c.topic == "session"))
    schema.upgrade(engine)
    with engine.begin() as connection:
        assert {tuple(row) for row in connection.execute(sa.select(tables.word))} == (
            wanted
        )
