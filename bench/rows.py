"""Floors of the database: commits, and the same rows stored in the plainest way."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import psycopg

from bench.floors import per_second
from bench.stand import POSTGRES
from tests.faults.postgres import Postgres

_ROWS = 500
_TABLE = "key text PRIMARY KEY, name text, day text, content jsonb, changed timestamptz"


def floors(seconds: float) -> dict[str, float]:
    """Return commits, and rows by COPY and by upsert, per second, with fsync."""
    with tempfile.TemporaryDirectory(prefix="qbwc-bench-") as folder:
        Path(folder).chmod(0o755)
        server = Postgres(Path(folder), POSTGRES)
        server.start()
        try:
            server.create("floors")
            url = f"postgresql://postgres@127.0.0.1:{server.port}/floors"
            with psycopg.connect(url) as connection:
                return _measure(connection, seconds)
        finally:
            server.stop()


def _measure(connection: psycopg.Connection[Any], seconds: float) -> dict[str, float]:
    connection.execute(f"CREATE TABLE plain ({_TABLE})")
    connection.execute("CREATE TABLE counted (number bigint)")
    connection.execute("INSERT INTO counted VALUES (0)")
    connection.commit()
    page = 0

    def commit() -> None:
        connection.execute("UPDATE counted SET number = number + 1")
        connection.commit()

    def rows() -> list[tuple[str, ...]]:
        nonlocal page
        page += 1
        content = '{"minutes": 75, "notes": "Plans for the entry", "person": "8-1"}'
        return [
            (f"{page}-{one}", "Jun 1", "2025-06-01", content, "2025-06-01T00:00:00Z")
            for one in range(_ROWS)
        ]

    def copy() -> None:
        cursor = connection.cursor()
        with cursor.copy("COPY plain FROM STDIN") as out:
            for row in rows():
                out.write_row(row)
        connection.commit()

    def upsert() -> None:
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO plain VALUES (%s, %s, %s, %s::jsonb, %s::timestamptz) "
                "ON CONFLICT (key) DO UPDATE SET name = excluded.name",
                rows(),
            )
        connection.commit()

    return {
        "commits/s": per_second(commit, seconds),
        "COPY, rows/s": per_second(copy, seconds) * _ROWS,
        "upsert, rows/s": per_second(upsert, seconds) * _ROWS,
    }
