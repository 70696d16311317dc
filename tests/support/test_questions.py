"""The questions of docs/support.md are answered as the document says, on both."""

from __future__ import annotations

import difflib
import re
from datetime import datetime
from pathlib import Path

import pytest
import stamina
import structlog
from sqlalchemy.engine import Engine

from qbwc_server import app
from qbwc_server.storage.meanings import VIEWS
from qbwc_server.storage.support_reading import support_reading
from tests.conftest import Clock, Kept
from tests.support import answers, firms


@pytest.fixture
def asked(
    engine: Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kept_databases: Kept,
) -> Engine:
    """A database with the firms of the document, and commands that use it."""
    now: datetime | None = kept_databases.put(engine, "firms")
    if now is None:
        now = _build(engine, tmp_path)
        kept_databases.keep(engine, "firms", now)
    for name, value in answers.environment(engine).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(app, "utc_now", Clock(now))
    return engine


def _build(engine: Engine, folder: Path) -> datetime:
    """Have the firms in a database; return when it is then."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with stamina.set_testing(True, attempts=3, cap=True):
        made = firms.build(engine, folder)
    structlog.configure(**before)
    for firm in made:
        firm.close()
    return made[-1].clock.now


def test_every_query_and_command_answers_as_the_document_says(asked: Engine) -> None:
    """`make answers` writes it anew after a change that is meant."""
    text = answers.DOCUMENT.read_text("utf-8")
    found = answers.comparable(answers.answered(text, asked))
    wrong = difflib.unified_diff(
        answers.comparable(text).splitlines(), found.splitlines(), lineterm="", n=1
    )
    assert "\n".join(wrong) == ""


def test_all_that_is_said_of_this_world_is_whole(asked: Engine) -> None:
    """Why and what next, in every view: what others said is quoted in the middle."""
    with support_reading(asked) as connection:
        for view, (_, columns) in VIEWS.items():
            for column in {"why", "next_step"} & set(columns):
                query = f"SELECT DISTINCT {column} FROM {view} WHERE {column} <> ''"
                for text in connection.exec_driver_sql(query).scalars():
                    assert re.match(r"[A-Z0-9\"`]", text), (view, text)
                    # Web Connector's own line ends with where to look.
                    ended = re.sub(r": https?://\S+$", ".", text)
                    # So does what QuickBooks says, in its own words.
                    ended = re.sub(r"^QuickBooks answered \d+: .+$", ".", ended)
                    assert ended.endswith((".", "?", "!", '"')), (view, text)


def test_there_are_thirty_questions_each_with_a_query_and_a_command() -> None:
    """In that order, with what they say; and no view is left out."""
    text = answers.DOCUMENT.read_text("utf-8")
    questions = answers.questions(text)
    assert len(questions) >= 30
    assert [int(one.partition(".")[0]) for one in questions] == list(
        range(1, len(questions) + 1)
    )
    parts = re.split(r"^### \d+\. .+$", text, flags=re.MULTILINE)[1:]
    for question, part in zip(questions, parts, strict=True):
        languages = [one.language for one in answers.blocks(part)]
        assert languages == ["sql", "text", "console"], question
    for view in VIEWS:
        assert f"FROM {view}" in text, view
