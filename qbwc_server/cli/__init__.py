"""The command line: thin commands over the other modules, a stable contract."""

from __future__ import annotations

import click

from qbwc_server import __version__
from qbwc_server.cli import access as _access  # noqa: F401 - its commands
from qbwc_server.cli.company import company, qwc
from qbwc_server.cli.database import database
from qbwc_server.cli.demo import demo
from qbwc_server.cli.doctor import doctor
from qbwc_server.cli.exchanges import exchanges
from qbwc_server.cli.export import export_
from qbwc_server.cli.forget import forget
from qbwc_server.cli.hours import (
    before_live_,
    billable_,
    relinked_,
    shared_hours,
    unplaced_,
)
from qbwc_server.cli.hours_of import hours_
from qbwc_server.cli.jobs import jobs
from qbwc_server.cli.keys import keys
from qbwc_server.cli.linking import (
    choose,
    go_live,
    link,
    overlap_,
    unlink,
)
from qbwc_server.cli.preview import preview_
from qbwc_server.cli.records import records
from qbwc_server.cli.restored import leave, list_, put_back
from qbwc_server.cli.sandbox import sandbox
from qbwc_server.cli.serve import serve, worker
from qbwc_server.cli.support import audit, support
from qbwc_server.cli.words import words


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="qbwc-server")
def main() -> None:
    """Keep QuickBooks Desktop company files and Mosaic in agreement.

    `qbwc-server demo` shows the whole product in a minute. Settings come from the
    environment (QBWC_...), see docs/settings.md.
    """


for _command in (preview_, link, unlink, choose, list_, put_back, leave):
    records.add_command(_command)
for _command in (
    *(export_, forget, overlap_, go_live),
    *(shared_hours, relinked_, before_live_, billable_, unplaced_),
):
    company.add_command(_command)
for _command in (
    *(demo, doctor, serve, worker, database, company, qwc, hours_),
    *(jobs, records, exchanges, support, audit, keys, sandbox, words),
):
    main.add_command(_command)
