"""A customer's house for the browser: a company file, Web Connector, and our server."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pydantic import SecretStr

from qbwc_server import app
from qbwc_server.cli.demo_processes import Processes, free_port
from qbwc_server.companies import registry
from qbwc_server.decisions import company_settings
from qbwc_server.sandbox.mosaic.hands import MosaicHands
from qbwc_server.sandbox.mosaic.sandbox import MosaicSandbox
from qbwc_server.sandbox.mosaic.server import serve
from qbwc_server.sandbox.quickbooks.company_file import CompanyFile
from qbwc_server.sandbox.sample_firm import build_sample_firm
from qbwc_server.sandbox.web_connector.program import Run, WebConnector
from qbwc_server.sandbox.web_connector.registration import add, read_application
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_reading
from tests.conftest import SECRET
from tests.waiting import until

NAME = "Harbor & Vale Architects"
_KEY = "browser-key"
_LONGEST = 60.0


class House:
    """The real processes, and what people and Web Connector do beside the browser."""

    def __init__(self, folder: Path, processes: Processes, made: app.Parts) -> None:
        self.made = made
        self.file = CompanyFile(folder / "firm.qbw", clock=time.time)
        build_sample_firm(self.file, people=8, clients=3, jobs=9, time_entries=60)
        self.sandbox = MosaicSandbox(
            api_key=_KEY, clock=app.utc_now, requests_per_window=1_000_000
        )
        # Nobody in QuickBooks has this name or address: only a person can match her.
        self.sandbox.create(
            "employee",
            email="olga@elsewhere.example",
            first_name="Olga",
            last_name="Outlander",
        )
        self.mosaic = serve(self.sandbox, 0)
        self.people = MosaicHands(self.sandbox, calls_back=True)
        self._processes = processes
        self.company = registry.add(
            made.engine,
            made.keys,
            name=NAME,
            mosaic_url=self.mosaic.url,
            mosaic_team="100",
            mosaic_key=_KEY,
            mode="preview",
            now=made.clock(),
        )
        url = made.settings.public_url
        self.url = f"{url}/setup/{self.company.setup_token}"
        self.sandbox.team.callback_url = f"{url}/webhook/{self.company.webhook_token}"

    def add(self, qwc: bytes) -> None:
        """Add a connection file to Web Connector, as a double click does."""
        self._application = read_application(qwc)
        add(self._application, self.file)

    def run(self, password: str) -> Run:
        """Have Web Connector run once; QuickBooks is read whatever the hour."""
        company_settings.set_values(
            self.made.engine,
            self.company.id,
            now=app.utc_now(),
            who="test",
            next_read_at=None,
        )
        connector = WebConnector(
            self._application,
            password,
            self.file,
            sleep=time.sleep,
            log=lambda _line: None,
        )
        return connector.run()

    def wait(self, what: Callable[[], Any]) -> Any:
        """Return the first true answer of a question; fail after a minute."""

        def answer() -> Any:
            self._processes.ensure()
            return what()

        return until(answer)

    def rows(self, table: sa.Table, *conditions: sa.ColumnElement[bool]) -> list[Any]:
        """Return rows of the company."""
        with company_reading(self.made.engine, self.company.id) as connection:
            query = sa.select(table).where(
                table.c.company_id == self.company.id, *conditions
            )
            return list(connection.execute(query))

    def is_quiet(self) -> bool:
        """Tell whether the worker has nothing to do."""
        call, back = tables.mosaic_call, tables.mosaic_callback
        return not (
            self.rows(tables.record, tables.record.c.due_at.is_not(None))
            or self.rows(call, call.c.settled_at.is_(None))
            or self.rows(back, back.c.handled_at.is_(None))
            or self.sandbox.outbox
        )

    def close(self) -> None:
        """End what was begun here."""
        self.mosaic.stop()
        self.file.close()
        self.made.engine.dispose()


@contextmanager
def house(folder: Path) -> Iterator[House]:
    """Yield a house with its server and worker running."""
    settings = Settings(
        data_dir=folder,
        database_url=f"sqlite:///{folder / 'qbwc.db'}",
        secret_key=SecretStr(SECRET),
        public_url=f"http://localhost:{free_port()}",
        log_level="WARNING",
        mosaic_requests=1_000_000,
        mosaic_settle_seconds=2,
        lease_seconds=3,
        session_takeover_seconds=0,
    )
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])
    processes = Processes(settings, folder)
    made = House(folder, processes, app.parts(settings))
    try:
        processes.ensure()
        yield made
    finally:
        processes.stop()
        made.close()
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
