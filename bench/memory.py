"""Peak memory of server and worker while a large company file is read and delivered.

    python bench/memory.py [CUSTOMERS] [SECONDS]

Runs a real server and a real worker process against the sandbox: CUSTOMERS (200,000)
customers and jobs through iterators, then SECONDS (120) of delivery to a Mosaic that
already has as many clients, so that its lists are as long. Prints the peak resident
memory of each process, from /proc, and how fast it went.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import sqlalchemy as sa

from qbwc_server import app, companies, connect, models
from qbwc_server.database import operator_transaction
from qbwc_server.sandbox.company_file import CompanyFile
from qbwc_server.sandbox.mosaic import MosaicSandbox
from qbwc_server.sandbox.mosaic_server import serve
from qbwc_server.sandbox.registration import add, read_application
from qbwc_server.sandbox.web_connector import WebConnector
from qbwc_server.settings import Settings

PORT = 8765


def peak(pid: int) -> float:
    """Return the peak resident memory of a process and its children, in MB."""
    pids = [
        pid,
        *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()),
    ]
    return max(
        int(line.split()[1]) / 1024
        for one in pids
        for line in Path(f"/proc/{one}/status").read_text().splitlines()
        if line.startswith("VmHWM")
    )


def fill(company_file: CompanyFile, customers: int) -> None:
    """Put customers into the file: one in ten on top, the others their jobs."""
    store = company_file.store
    with store.transaction():
        parent = None
        for number in range(customers):
            top = number % 10 == 0
            list_id = f"{0x80000000 + number:X}-1700000000"
            name = f"Customer {number:06}" if top else f"Job {number:06}"
            if top:
                parent = (list_id, name)
            assert parent is not None
            full = name if top else f"{parent[1]}:{name}"
            store.connection.execute(
                "INSERT INTO record VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
                (
                    "Customer",
                    list_id,
                    name,
                    full,
                    full.casefold(),
                    None if top else parent[0],
                    0 if top else 1,
                    1,
                    "2024-01-02T03:04:05-05:00",
                    "2024-01-02T03:04:05-05:00",
                    "2024-01-02T03:04:05",
                    "1704182645",
                    "[]",
                ),
            )


def main() -> None:
    """Run and print."""
    customers = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 120
    folder = Path(tempfile.mkdtemp())
    environment = {
        "QBWC_DATA_DIR": str(folder),
        "QBWC_PUBLIC_URL": f"http://localhost:{PORT}",
        "QBWC_SECRET_KEY": "k" * 40,
        "QBWC_MOSAIC_REQUESTS": "1000000",
        "QBWC_LOG_LEVEL": "ERROR",
        "QBWC_SESSION_TAKEOVER_SECONDS": "0",
        "QBWC_DATABASE_URL": os.environ.get("QBWC_DATABASE_URL", ""),
    }
    os.environ.update(environment)
    made = app.parts(Settings())
    company_file = CompanyFile(folder / "big.qbw", clock=time.time)
    fill(company_file, customers)
    sandbox = MosaicSandbox(clock=app.utc_now, requests_per_window=10**9)
    for number in range(customers):
        sandbox.create("client", client_name=f"Somebody else {number}")
    mosaic = serve(sandbox, 0)
    new = companies.add(
        made.engine,
        made.keys,
        name="Large",
        mosaic_url=mosaic.url,
        mosaic_team="100",
        mosaic_key="sandbox-key",
        now=app.utc_now(),
    )
    hook = f"http://localhost:{PORT}/webhook/{new.webhook_token}"
    sandbox.team.callback_url = hook
    command = [sys.executable, "-m", "qbwc_server"]
    server = subprocess.Popen([*command, "serve", "--port", str(PORT)])
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://localhost:{PORT}/readyz").close()
                break
            except OSError:
                time.sleep(0.1)
        found = companies.find(made.engine, "Large")
        application = read_application(
            connect.qwc_of(found, f"http://localhost:{PORT}")
        )
        add(application, company_file)
        connector = WebConnector(
            application,
            new.password,
            company_file,
            sleep=time.sleep,
            log=lambda _line: None,
        )
        begin = time.monotonic()
        run = connector.run()
        spent = time.monotonic() - begin
        print(f"{run.result} {run.round_trips} round trips, {spent:.0f} s")
        print(f"server: peak {peak(server.pid):.0f} MB")
        worker = subprocess.Popen([*command, "worker"])
        try:
            time.sleep(seconds)
            with operator_transaction(made.engine) as connection:
                done = connection.execute(
                    sa.select(sa.func.count()).where(
                        models.record.c.mosaic_id.is_not(None)
                    )
                ).scalar_one()
            print(f"worker: peak {peak(worker.pid):.0f} MB, {done} linked, {seconds} s")
            print(f"server: peak {peak(server.pid):.0f} MB with callbacks")
        finally:
            worker.terminate()
            worker.wait()
    finally:
        server.terminate()
        server.wait()
        mosaic.stop()


if __name__ == "__main__":
    main()
