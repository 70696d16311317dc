"""The doctor: looks at everything that must be right, and says what to do.

It changes nothing but the rate budget of a Mosaic key, of which it takes one request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa
from cryptography.fernet import InvalidToken
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from qbwc_server.companies import attention, callers, heartbeat, silence
from qbwc_server.companies.registry import Company
from qbwc_server.delivery.rate_budget import Budget, BudgetSpent
from qbwc_server.keys import Keys
from qbwc_server.mosaic.client import MosaicClient, Transport
from qbwc_server.mosaic.connection import Connection as MosaicConnection
from qbwc_server.mosaic.errors import MosaicError
from qbwc_server.operations.doctor_result import Finding, fail, ok, warn
from qbwc_server.settings import Settings
from qbwc_server.storage import room, schema, support_rights, tables, walls
from qbwc_server.storage.database import (
    clock_of,
    company_reading,
    operator_transaction,
    transaction,
)

_CLOCK_WARN, _CLOCK_FAIL = 2.0, 30.0
"""Seconds by which the database's clock may differ from ours."""
_OLD = timedelta(hours=1)
_LATELY = timedelta(days=3)
_JOB = tables.job
_MAKE_ROOM = "Make room where PostgreSQL keeps its data; nothing is lost meanwhile."


def of_database(
    engine: Engine,
    clock: Callable[[], datetime],
    look: Callable[[Engine], room.Room] = room.look,
) -> Iterator[Finding]:
    """Yield how the database is; the last is a failure if nothing else can be asked."""
    name = engine.dialect.name
    try:
        theirs = clock_of(engine)
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error).splitlines()[0]
        do = "See that it runs, and that QBWC_DATABASE_URL has its address and login."
        if room.is_full(error):
            do = _MAKE_ROOM
        yield fail("database", f"It cannot be used: {cause[:150]}.", do)
        return
    yield ok("database", f"{name} answers.")
    yield _of_clock(theirs, clock())
    yield _of_zones()
    yield _of_room(look(engine), name)
    try:
        schema.require_head(engine)
    except schema.SchemaDiffers as error:
        yield fail("schema", str(error.support), "qbwc-server database upgrade")
        return
    yield ok("schema", f"It is at revision {schema.head()}.")


def of_logins(engine: Engine) -> Iterator[Finding]:
    """Yield whether server and worker have a login that sees one company at a time."""
    if engine.dialect.name == "sqlite":
        return
    if walls.is_held(engine):
        do = "Ask with the owner's login: docker compose run --rm operator doctor"
        yield ok("logins", "This login sees one company at a time, as it should.")
        yield warn("companies", "So they were not looked at.", do)
        return
    found = walls.serving_logins(engine)
    if found:
        yield ok("logins", f"To serve with: {', '.join(found)}. This one sees all.")
        return
    yield fail(
        "logins",
        "The owner's login is the only one: server and worker do not start with it.",
        f"CREATE ROLE qbwc_web LOGIN PASSWORD '...' IN ROLE {walls.APPLICATION}; and "
        "give it to server and worker in QBWC_DATABASE_URL.",
    )


def of_support(engine: Engine) -> Iterator[Finding]:
    """Yield what logins of support may do beside reading; nothing for SQLite."""
    if engine.dialect.name == "sqlite":
        return
    with operator_transaction(engine) as connection:
        found = support_rights.unneeded(connection)
    for one in found:
        yield warn("support", one.what, one.do)
    if not found:
        yield ok("support", "Its logins read the views, and stop nothing.")


def of_copies(engine: Engine, now: datetime) -> Finding:
    """Return whether the database was noticed lately to be an earlier moment."""
    mark, sequence = tables.database_mark, tables.company_sequence
    with operator_transaction(engine) as connection:
        row = connection.execute(sa.select(mark)).one()
        older = sa.select(sa.func.count()).where(sequence.c.epoch < row.epoch)
        left = connection.execute(older).scalar_one()
    if not row.installation and engine.dialect.name == "postgresql":
        return warn(
            "copies",
            "This PostgreSQL does not tell where it is: an older copy of it is not "
            "noticed.",
            "After a restore or a failover: qbwc-server database restored",
        )
    if row.noticed_at is None or now - row.noticed_at > _LATELY:
        return ok("copies", "It is no older copy of itself.")
    return warn(
        "copies",
        f"At {row.noticed_at:%Y-%m-%d %H:%M} UTC it was found to be an older copy of "
        f"itself ({row.noticed}); {left} companies have not begun to compare.",
        "Nothing: each compares both sides first. `qbwc-server records restored NAME` "
        "lists what it asks.",
    )


def of_callers(engine: Engine) -> Finding:
    """Return whether every company is known by its user name."""
    with operator_transaction(engine) as connection:
        missing = callers.are_missing(connection)
    if missing:
        return fail(
            "user names",
            "Not all are noted: their Web Connectors are refused.",
            "qbwc-server database upgrade",
        )
    return ok("user names", "All are noted.")


def _of_clock(theirs: datetime | None, ours: datetime) -> Finding:
    if theirs is None:
        return ok("clock", f"It is {ours:%Y-%m-%d %H:%M:%S} UTC.")
    apart = abs((theirs.astimezone(UTC) - ours).total_seconds())
    said = f"The database's clock and ours are {apart:.1f} s apart."
    do = "Have all machines set their clocks by NTP (chrony, timesyncd)."
    if apart > _CLOCK_FAIL:
        return fail("clock", said, do)
    return warn("clock", said, do) if apart > _CLOCK_WARN else ok("clock", said)


def _of_zones() -> Finding:
    try:
        ZoneInfo("America/New_York")
    except ZoneInfoNotFoundError:
        return fail("zone", "Time zones are not known.", "Install the package tzdata.")
    return ok("zone", "Time zones are known; moments are kept in UTC.")


def _of_room(found: room.Room, name: str) -> Finding:
    if found.read_only:
        do = "Is it a standby? Use the primary."
        return fail("disk", "The database takes no writes.", do)
    if name != "sqlite":
        if found.is_full:
            said = f"The database's disk has no {room.LEAST // 2**20} MB left."
            return fail("disk", said, _MAKE_ROOM)
        said = f"The database can take {room.LEAST // 2**20} MB more; watch its disk."
        return ok("disk", said)
    said = f"{found.free // 2**20:,} MB are free for the database."
    do = "Make room, or move QBWC_DATA_DIR to a larger disk."
    if found.free < 64 * 2**20:
        return fail("disk", said, do)
    return warn("disk", said, do) if found.free < 2**30 else ok("disk", said)


def of_settings(settings: Settings) -> Finding:
    """Return whether callers can be told apart behind a proxy."""
    if settings.public_url.startswith("https:") and not settings.proxies:
        return warn(
            "proxies",
            "QBWC_PROXIES is empty: whoever calls through a proxy seems to be it.",
            "Set it to the addresses of your proxies.",
        )
    return ok("proxies", f"Believed proxies: {settings.proxies or 'none needed'}.")


def of_processes(engine: Engine, now: datetime) -> Iterator[Finding]:
    """Yield whether servers and workers are up."""
    for name, command in (
        (heartbeat.SERVER, "qbwc-server serve"),
        (heartbeat.WORKER, "qbwc-server worker"),
    ):
        with transaction(engine) as connection:
            age = heartbeat.age(connection, name, now)
        if age is None:
            yield fail(name, f"No {name} was ever seen.", f"Start one: {command}")
        elif age > heartbeat.GAP.total_seconds():
            since = timedelta(seconds=round(age))
            yield fail(name, f"No {name} since {since}.", f"Start one: {command}")
        else:
            yield ok(name, f"A {name} was seen {age:.0f} s ago.")


def of_keys(companies: Iterable[Company], keys: Keys) -> Iterator[Finding]:
    """Yield whether the secret key opens what is encrypted; one line if all."""
    opened = 0
    for company in companies:
        if company.mosaic_key is None:
            continue
        try:
            keys.decrypt(company.mosaic_key)
        except InvalidToken:
            yield fail(
                "secret key",
                "QBWC_SECRET_KEY does not open its Mosaic key.",
                "Add the older key to QBWC_SECRET_KEY behind a comma, or give the "
                "Mosaic key anew: qbwc-server company set NAME --mosaic-key-file F",
                company=company.name,
            )
        else:
            opened += 1
    yield ok("secret key", f"It opens the Mosaic keys of {opened} companies.")


def of_mosaic(
    engine: Engine,
    company: Company,
    keys: Keys,
    settings: Settings,
    clock: Callable[[], datetime],
    *,
    transport: Transport | None = None,
) -> Finding:
    """Return whether Mosaic can be reached and takes the company's key."""
    check, name = "mosaic", company.name
    if company.mosaic_key is None:
        do = "qbwc-server company set NAME --mosaic-key-file F"
        return warn(check, "It has no Mosaic key.", do, company=name)
    try:
        api_key = keys.decrypt(company.mosaic_key)
    except InvalidToken:
        do = "See the line about the secret key."
        return fail(check, "Its key cannot be opened.", do, company=name)
    budget = Budget(
        engine,
        keys.hash("budget", f"{company.mosaic_url}\n{api_key}"),
        requests=settings.mosaic_requests,
        window=settings.mosaic_window_seconds,
        clock=clock,
    )
    client = MosaicClient(
        MosaicConnection(
            base_url=company.mosaic_url,
            team_id=company.mosaic_team,
            api_key=api_key,
            auth_scheme="bearer" if company.mosaic_auth_scheme == "bearer" else "raw",
            origin=settings.mosaic_origin or settings.public_url,
        ),
        spend=budget.spend,
        transport=transport,
        timeout=min(settings.mosaic_timeout_seconds, 15),
    )
    try:
        client.check()
    except BudgetSpent:
        do = "Nothing; look again in a minute."
        return warn(check, "Its rate budget is spent now.", do, company=name)
    except MosaicError as error:
        do = "See that address, team and key are right: qbwc-server company show NAME"
        if error.retryable:
            do = f"See that this machine reaches {company.mosaic_url}."
        return fail(check, error.support, do, company=name)
    finally:
        client.close()
    return ok(check, "It takes the key.", company=name)


def of_company(engine: Engine, company: Company, now: datetime) -> Iterator[Finding]:
    """Yield how a company's runs and work are."""
    name, seen = company.name, company.last_seen_at
    with company_reading(engine, company.id) as connection:
        asked = attention.standing(connection, company.id)
    for one in asked:
        do = f"Look up {one.reason} in docs/errors.md."
        said = f"Since {one.began_at:%Y-%m-%d %H:%M} UTC: {one.text}"
        yield warn("attention", said, do, company=name)
    if seen is None:
        do = "Have the customer add the .qwc file: qbwc-server qwc NAME"
        yield warn("session", "Web Connector has never called.", do, company=name)
    elif company.mode == "paused":
        yield ok("session", "It is paused.", company=name)
    elif now - seen > silence.patience(company):
        do = "Have the customer start Web Connector and tick Auto-Run."
        said = f"Web Connector last called {seen:%Y-%m-%d %H:%M} UTC."
        yield warn("session", said, do, company=name)
    else:
        last = company.last_session_at
        run = "no run yet" if last is None else f"last run {last:%Y-%m-%d %H:%M} UTC"
        yield ok("session", f"It calls; {run}.", company=name)
    yield from _of_jobs(engine, company, now)


def _of_jobs(engine: Engine, company: Company, now: datetime) -> Iterator[Finding]:
    with company_reading(engine, company.id) as connection:
        rows = connection.execute(
            sa.select(_JOB.c.state, sa.func.count(), sa.func.min(_JOB.c.created_at))
            .where(_JOB.c.company_id == company.id, _JOB.c.finished_at.is_(None))
            .group_by(_JOB.c.state)
        ).all()
    failed = sum(number for state, number, _ in rows if state == "failed")
    waiting = [began for state, _, began in rows if state != "failed"]
    if failed:
        do = "qbwc-server jobs list --company NAME --state failed"
        said = f"{failed} pieces of work failed and wait for a person."
        yield warn("jobs", said, do, company=company.name)
    if waiting and now - min(waiting) > _OLD:
        hours = (now - min(waiting)) / timedelta(hours=1)
        said = f"The oldest open work is {hours:.1f} hours old."
        do = "qbwc-server jobs list --company NAME"
        yield warn("jobs", said, do, company=company.name)
    elif not failed:
        open_jobs = sum(number for _, number, _ in rows)
        yield ok("jobs", f"{open_jobs} open, none of them old.", company=company.name)
