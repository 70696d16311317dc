"""What a setting may be: nonsense is refused at the start, in one line, unquoted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pydantic import ValidationError

from qbwc_server import setting_values
from qbwc_server.cli import main
from qbwc_server.settings import Settings

TREE = Path(__file__).parents[1]
NAMES = set(Settings.model_fields)


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[dict[str, str], list[str]], Result]:
    """A function that runs a command with settings, and no other of this machine."""

    def invoke(values: dict[str, str], command: list[str]) -> Result:
        for name, value in {"QBWC_DATA_DIR": str(tmp_path), **values}.items():
            monkeypatch.setenv(name, value)
        return CliRunner().invoke(main, command)

    return invoke


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("QBWC_PAGESIZE", "QBWC_PAGESIZE is no setting. Is QBWC_PAGE_SIZE meant?"),
        ("QBWC_PUBLIC_ULR", "QBWC_PUBLIC_ULR is no setting. Is QBWC_PUBLIC_URL meant?"),
        ("QBWC_LUNCH", "QBWC_LUNCH is no setting."),
        ("QBWC_LUNCH_FILE", "QBWC_LUNCH_FILE is no setting."),
    ],
)
def test_a_name_that_is_no_setting_is_told_with_the_one_that_is_like_it(
    name: str, said: str
) -> None:
    """Whoever wrote it believes that it holds."""
    assert setting_values.unknown([name, "HOME"], NAMES) == [said]


def test_names_of_settings_of_their_files_and_of_docker_compose_are_known() -> None:
    """All that our own files name, so that none of them stops a server."""
    ours = [f"QBWC_{one.upper()}" for one in NAMES]
    assert setting_values.unknown(ours + [f"{one}_FILE" for one in ours], NAMES) == []
    files = (
        "docker-compose.yml",
        "Makefile",
        "Dockerfile",
        "deploy",
        "CONTRIBUTING.md",
    )
    paths = [
        path
        for name in files
        for path in (TREE / name, *(TREE / name).rglob("*"))
        if path.is_file()
    ]
    named = {
        name
        for path in paths
        for name in re.findall(r"QBWC_[A-Z_]+[A-Z]", path.read_text("utf-8"))
    }
    assert len(named) > 30
    assert setting_values.unknown(named, NAMES) == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("LOG_LEVEL", "LOUD", "it is one of DEBUG, INFO, WARNING, ERROR"),
        ("DATABASE_URL", "mysql://me:hunter2@db/q", "begins with postgresql://"),
        ("DATABASE_URL", "hunter2", "begins with postgresql://"),
        ("DATABASE_URL", "postgresql://me:hunter2@a:1,b:2/q", "behind a question mark"),
        ("DATABASE_URL", "postgresql://me:hunter2@a:port/q", "host or port"),
        ("SUPPORT_DATABASE_URL", "oracle://me:hunter2@db/q", "postgresql://"),
        ("PUBLIC_URL", "ftp://localhost", "no http or https address"),
        ("PUBLIC_URL", "qb.example.com", "no http or https address"),
        ("PUBLIC_URL", "https://qb.example.com:x", "host or port"),
        ("NOTIFY_WEBHOOK", "hunter2", "no http or https address"),
        ("NOTIFY_EMAIL", "ops@example.com, hunter2", "the 2. of them"),
        ("NOTIFY_EMAIL", "ops and you@example.com", "the 1. of them"),
        ("SMTP_URL", "mail.example.com:587", "smtps://user:password@host:465"),
        ("SMTP_URL", "smtp://me:hunter2@host:many", "host or port"),
        ("SMTP_URL", "https://me:hunter2@host", "smtps://"),
    ],
)
def test_nonsense_is_one_line_that_names_the_setting_and_not_the_value(
    run: Callable[[dict[str, str], list[str]], Result],
    name: str,
    value: str,
    said: str,
) -> None:
    """For every command, and exit code 1."""
    done = run({f"QBWC_{name}": value}, ["company", "list"])
    assert done.exit_code == 1
    line, *more = done.stderr.splitlines()
    assert more == []
    assert line.startswith(f"Error: QBWC_{name}: ")
    assert said in line
    assert "hunter2" not in line
    assert "Value error" not in line


@pytest.mark.parametrize(
    "values",
    [
        {"database_url": "postgresql://u@/q?host=a:1&host=b:2"},
        {"database_url": "postgresql+psycopg://u:p%40ss@[::1]:5432/q?sslmode=require"},
        {"database_url": "postgres:///q?host=/var/run/postgresql"},
        {"database_url": "sqlite:////var/lib/qbwc.db"},
        {"public_url": "http://[::1]:8000"},
        {"log_level": "info"},
        {"notify_email": "a@example.com, b@example.com"},
        {"smtp_url": "smtps://me%40x:p%23@mail.example.com:465?from=q@example.com"},
    ],
    ids=str,
)
def test_what_is_usual_is_taken(values: dict[str, str]) -> None:
    """Also with what is rarely seen."""
    Settings(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize("command", ["serve", "worker"])
@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"QBWC_PAGESIZE": "5"}, "Is QBWC_PAGE_SIZE meant?"),
        ({"QBWC_LOG_LEVEL": "LOUD"}, "QBWC_LOG_LEVEL: it is one of"),
        ({"QBWC_SECRET_KEY": "short"}, "fewer than 32 characters"),
        (
            {
                "QBWC_DATABASE_URL": "postgresql://u@127.0.0.1:9/q",
                "QBWC_SECRET_KEY": "k" * 32,
            },
            "The database cannot be used",
        ),
    ],
    ids=lambda one: str(one)[:24],
)
def test_a_server_that_does_not_start_says_so_in_the_form_of_its_log(
    run: Callable[[dict[str, str], list[str]], Result],
    command: str,
    values: dict[str, str],
    said: str,
) -> None:
    """Whoever collects JSON would lose the one line that matters."""
    done = run({**values, "QBWC_LOG_JSON": "true"}, [command])
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    told = json.loads(line)
    assert (told["event"], told["level"]) == ("not started", "error")
    assert said in told["why"]

    done = run({**values, "QBWC_LOG_JSON": "false"}, [command])
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: ")


@pytest.mark.parametrize(
    ("url", "fits"),
    [
        ("https://api.mosaic.example", True),
        ("https://mosaic.example:8443/api", True),
        ("https://192.0.2.7", True),
        ("http://localhost:8001", True),
        ("http://127.0.0.1:8001", True),
        ("http://api.mosaic.example", False),
        ("nonsense", False),
        ("http://:42", False),
        ("https://", False),
        ("https://mosaic", False),
        ("https://me:hunter2@mosaic.example", False),
        ("https://mosaic.example:many", False),
        ("https://mosaic example.com", False),
        ("ftp://localhost", False),
        ("", False),
    ],
)
def test_a_key_of_mosaic_travels_encrypted_and_to_a_server_there_can_be(
    run: Callable[[dict[str, str], list[str]], Result], url: str, fits: bool
) -> None:
    """Without encryption to this computer alone, where a demonstration has one."""
    add = ["company", "add", "Alice", "--mosaic-team", "1", "--mosaic-url", url]
    done = run({}, add)
    assert (done.exit_code == 0) is fits, done.output
    assert "hunter2" not in done.stderr
    if not fits:
        return
    assert run({}, ["company", "set", "Alice", "--mosaic-url", "http://x.y"]).exit_code


def test_a_setting_that_is_wrong_is_wrong_wherever_it_comes_from() -> None:
    """Not only in the environment."""
    with pytest.raises(ValidationError):
        Settings(log_level="LOUD")
