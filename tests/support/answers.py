"""docs/support.md: queries and commands are run, outputs are kept right.

`python -m tests.support.answers` writes the outputs anew. A question is a heading;
below stand a query, what it answered, and a command with what it printed.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import stamina
import structlog
from click.testing import CliRunner
from sqlalchemy.engine import Engine

from qbwc_server import app
from qbwc_server.cli import main
from qbwc_server.storage import schema
from qbwc_server.storage.database import (
    make_engine,
)
from qbwc_server.storage.support_reading import support_reading
from tests.conftest import SECRET
from tests.support import firms

DOCUMENT = Path(__file__).parents[2] / "docs/support.md"
_BLOCK = re.compile(r"^```(sql|text|console)\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
_QUESTION = re.compile(r"^### (\d+\. .+)$", re.MULTILINE)
_RANDOM = re.compile(r"\{?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?", re.IGNORECASE)
_SUFFIX = re.compile(r"(?<=[a-z]-)[0-9a-f]{6}\b|\b[0-9a-f]{20}\b")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(\.\d+)?(\+00:00)?")
_WIDEST = 110


@dataclass(frozen=True)
class Block:
    """A part of the document: its language, and its text."""

    language: str
    text: str


def environment(engine: Engine) -> dict[str, str]:
    """Return the environment of commands on a database."""
    url = engine.url.render_as_string(hide_password=False)
    return {
        "QBWC_DATABASE_URL": url.replace("+psycopg", ""),
        "QBWC_SECRET_KEY": SECRET,
        "QBWC_LOG_LEVEL": "ERROR",
        "SUDO_USER": "eve",
    }


def questions(text: str) -> list[str]:
    """Return the questions of the document."""
    return _QUESTION.findall(text)


def blocks(text: str) -> list[Block]:
    """Return the parts that are run, and those that they print."""
    return [Block(*found) for found in _BLOCK.findall(text)]


def answered(text: str, engine: Engine) -> str:
    """Return the document with what its queries and commands say on a database."""
    pending = ""

    def one(found: re.Match[str]) -> str:
        nonlocal pending
        language, body = found.groups()
        if language == "sql":
            pending = ask(engine, body)
        elif language == "text":
            body = pending
        else:
            body = "".join(run(line) for line in body.splitlines() if line[:2] == "$ ")
        return f"```{language}\n{body}```\n"

    return _BLOCK.sub(one, text)


def with_a_write(text: str, engine: Engine) -> str:
    """Return the document with the number of a write whose words are few.

    It is named by its number, which is another one whenever the sample firm does more.
    """
    query = (
        "SELECT exchange_id FROM support_exchanges WHERE company_id = 1 "
        "AND what = 'Writes to QuickBooks' AND answer IS NOT NULL "
        "ORDER BY length(request), exchange_id LIMIT 1"
    )
    with support_reading(engine) as connection:
        number = connection.exec_driver_sql(query).scalar_one()
    text = re.sub(r"(?<=AND exchange_id = )\d+", str(number), text)
    return re.sub(r"(?<=exchanges show 1-)\d+", str(number), text)


def ask(engine: Engine, query: str) -> str:
    """Return what a query answers, with the rights of support and no more."""
    query = query.strip().rstrip(";")
    if engine.dialect.name == "postgresql":
        query = query.replace("%", "%%")
    with support_reading(engine) as connection:
        result = connection.exec_driver_sql(query)
        columns = list(result.keys())
        rows = [[_cell(value) for value in row] for row in result]
    return "".join(f"{line.rstrip()}\n" for line in _table(columns, rows))


def run(line: str) -> str:
    """Return a command as it is typed, and what it prints."""
    words = shlex.split(line[2:])
    assert words[0] == "qbwc-server", line
    result = CliRunner().invoke(main, words[1:], catch_exceptions=False)
    assert result.exit_code == 0, f"{line}\n{result.output}"
    printed = [one.rstrip() for one in result.output.splitlines()]
    return "".join(f"{one}\n" for one in (line, *printed))


def comparable(text: str) -> str:
    """Return a text without what is random in it."""
    return _SUFFIX.sub("<random>", _RANDOM.sub("<random>", text))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, str) and value[:1] == "{":
        try:
            value = json.loads(value)
        except ValueError:
            return str(value)
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    text = str(value)
    found = _MOMENT.fullmatch(text)
    return found[1] if found else text


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield lines as psql writes them, a wide row as a list of its columns."""
    widths = [
        max(len(name), *(len(row[at]) for row in rows), 0)
        for at, name in enumerate(columns)
    ]
    if sum(widths) + 3 * len(widths) <= _WIDEST:
        yield " | ".join(map(str.ljust, columns, widths))
        yield "-+-".join("-" * width for width in widths)
        for row in rows:
            yield " | ".join(map(str.ljust, row, widths))
    else:
        longest = max(map(len, columns))
        for number, row in enumerate(rows, 1):
            yield f"-[ {number} ]".ljust(longest + 1, "-") + "+-"
            for name, value in zip(columns, row, strict=True):
                yield f"{name.ljust(longest)} | {value}"
    many = len(rows)
    yield f"({many} row{'' if many == 1 else 's'})"


def main_() -> None:
    """Write the outputs of the document anew, from a SQLite database."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with tempfile.TemporaryDirectory() as folder:
        engine = make_engine(f"sqlite:///{Path(folder) / 'qbwc.db'}")
        schema.upgrade(engine)
        with stamina.set_testing(True, attempts=3, cap=True):
            made = firms.build(engine, Path(folder))
        os.environ.update(environment(engine))
        clock: Callable[[], datetime] = made[-1].clock
        app.utc_now = clock
        text = with_a_write(DOCUMENT.read_text("utf-8"), engine)
        DOCUMENT.write_text(answered(text, engine), "utf-8")
        engine.dispose()
        for firm in made:
            firm.close()


if __name__ == "__main__":
    main_()
