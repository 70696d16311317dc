"""A line of the log says which company, session and job it is about."""

from __future__ import annotations

import importlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import structlog
from click.testing import CliRunner

from qbwc_server import logs
from qbwc_server.cli import main
from qbwc_server.settings import Settings
from tests.conftest import make_small_firm

ROOT = Path(__file__).parents[1]
_OF_NO_COMPANY = {"worker started", "server listens"}


def _talkative(**values: Any) -> Settings:
    return Settings(**{**values, "log_level": "DEBUG", "log_json": True})


@pytest.fixture(scope="module")
def written(
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, list[dict[str, Any]]]:
    """What server and worker log of a whole sync, as two processes."""
    folder = tmp_path_factory.mktemp("demo")
    firm = make_small_firm(tmp_path_factory.mktemp("firm"))
    with pytest.MonkeyPatch.context() as patch:
        # Its package has a command under the name of the module.
        module = importlib.import_module("qbwc_server.cli.demo")
        patch.setattr(module, "Settings", _talkative)
        patch.setenv("PYTHONPATH", str(ROOT))
        run = ["demo", "--company-file", str(firm), "--keep", str(folder)]
        result = CliRunner().invoke(main, run, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return {
        name: [
            json.loads(line)
            for line in (folder / f"{name}.log").read_text().splitlines()
        ]
        for name in ("serve", "worker")
    }


def test_every_line_of_ours_is_about_a_company(
    written: dict[str, list[dict[str, Any]]],
) -> None:
    """Of all that is logged in a whole sync, JSON to the last line."""
    for lines in written.values():
        ours = [one for one in lines if one["logger"].startswith("qbwc_server")]
        about = [one for one in ours if one["event"] not in _OF_NO_COMPANY]
        assert len(about) > 10
        assert [one for one in about if not isinstance(one.get("company"), int)] == []


def test_what_happens_in_a_run_says_which_run_and_which_job(
    written: dict[str, list[dict[str, Any]]],
) -> None:
    """From its beginning to its end."""
    runs = [one for one in written["serve"] if one["event"].startswith("run ")]
    moves = [one for one in written["serve"] if one["event"] == "job moved"]

    assert {one["event"] for one in runs} == {"run began", "run ended"}
    assert len(moves) > 10
    assert all(isinstance(one.get("job"), int) for one in moves)
    assert all(isinstance(one.get("session"), int) for one in (*runs, *moves))
    begun = {one["session"] for one in runs if one["event"] == "run began"}
    assert {one["session"] for one in moves} <= begun
    assert {one["session"] for one in runs if one["event"] == "run ended"} <= begun


def test_what_was_said_is_forgotten_with_what_it_was_about() -> None:
    """Else a line of the next request would be put down to the last one's company."""

    def work() -> dict[str, Any]:
        logs.about(company=3, session=17)
        with logs.within(job=42):
            inside = dict(structlog.contextvars.get_contextvars())
        assert "job" not in structlog.contextvars.get_contextvars()
        return inside

    with structlog.contextvars.bound_contextvars():
        structlog.contextvars.clear_contextvars()
        assert logs.apart(work)() == {"company": 3, "session": 17, "job": 42}
        assert structlog.contextvars.get_contextvars() == {}


def test_what_is_done_in_threads_says_it_too() -> None:
    """Writes to Mosaic leave several at a time."""

    def seen(_: int) -> object:
        return structlog.contextvars.get_contextvars().get("company")

    def work() -> list[object]:
        logs.about(company=3)
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(logs.apart(seen), range(8)))

    assert logs.apart(work)() == [3] * 8


def test_what_happens_often_is_said_once_a_minute_with_how_often() -> None:
    """Nothing is lost of the count, and kinds are counted apart."""
    often = logs.Often(every=60)
    assert [often.times("a", now) for now in (0.0, 1.0, 59.9)] == [1, 0, 0]
    assert often.times("b", 30.0) == 1
    assert [often.times("a", now) for now in (60.0, 60.1, 500.0)] == [3, 0, 2]
    assert often.times("b", 90.0) == 1


def test_a_line_says_how_many_times_it_stands_for() -> None:
    """It is of the last time."""
    with structlog.testing.capture_logs() as lines:
        for number in range(5):
            logs.seldom(structlog.get_logger().warning, "knock", peer=number)
        logs.seldom(structlog.get_logger().warning, "knock", "elsewhere", peer=9)
    assert [(one["event"], one["times"], one["peer"]) for one in lines] == [
        ("knock", 1, 0),
        ("knock", 1, 9),
    ]
