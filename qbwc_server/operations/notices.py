"""What is to be told about a connection goes out: after it is kept, and then retried.

To operators, by the ways that the settings name; and to the addresses that a customer
confirmed. One rule for both: a try is kept before it is made, each way that succeeded
right after. Killed between sending and keeping, that way is sent once more with the
same id: the only time a notice comes twice. After ten tries it is given up, which the
audit tells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self, TypeAlias
from urllib.parse import urlsplit

import sqlalchemy as sa
import structlog
from cryptography.fernet import InvalidToken
from sqlalchemy.engine import Connection, Engine, Row

from qbwc_server import words
from qbwc_server.companies import registry
from qbwc_server.companies.registry import Company
from qbwc_server.decisions import alert_addresses
from qbwc_server.keys import Keys
from qbwc_server.operations import alerts, notify
from qbwc_server.operations.notify import NotSent
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import (
    company_reading,
    company_transaction,
    transaction,
)
from qbwc_server.words.customer import mails
from qbwc_server.words.customer.contact import Contact

MOST_TRIES = 10
_MAIL = "mail"
_NO_MAIL_AGAIN = timedelta(hours=1)
_LOG = structlog.get_logger(__name__)
_DUTY, _ADDRESS = tables.duty, tables.alert_address
_Sends: TypeAlias = Mapping[str, Callable[[], None]]


@dataclass(frozen=True, slots=True)
class ToCustomers:
    """How customers are told: what opens an address, sends to it, and whom they ask.

    `send` takes the address, subject, text, id and the link that ends it.
    """

    keys: Keys
    send: Callable[[str, str, str, str, str], None]
    contact: str = ""


@dataclass(frozen=True, slots=True)
class Ways:
    """How notices are sent; each is None where it is not set."""

    webhook: Callable[[Mapping[str, object]], None] | None
    email: Callable[[str, str, str], None] | None
    customers: ToCustomers | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the ways that the settings name."""
        url, to = settings.notify_webhook.get_secret_value(), settings.notify_email
        smtp = settings.smtp_url.get_secret_value()

        def by_mail(subject: str, text: str, message_id: str) -> None:
            notify.email(smtp, to, subject=subject, text=text, message_id=message_id)

        return cls(
            (lambda body: notify.webhook(url, body)) if url else None,
            by_mail if smtp and to else None,
            _to_customers(settings, smtp) if smtp else None,
        )

    def names(self) -> list[str]:
        """Return the names of the ways to operators that are set."""
        ways = {"webhook": self.webhook, "email": self.email}
        return [name for name, way in ways.items() if way is not None]


def _to_customers(settings: Settings, smtp: str) -> ToCustomers:
    # A customer is no sender of our mails: without `?from=` an operator is.
    host = urlsplit(settings.public_url).hostname or "localhost"
    sender = settings.notify_email.partition(",")[0].strip() or f"alerts@{host}"
    named = (settings.contact_name, settings.contact_address, settings.contact_hours)
    contact = Contact.of(*named)

    def send(to: str, subject: str, text: str, message_id: str, link: str) -> None:
        told = {"subject": subject, "text": text, "message_id": message_id}
        notify.email(smtp, to, **told, sender=sender, ends=link)

    return ToCustomers(Keys(settings.keys()), send, contact.said if contact else "")


@dataclass(frozen=True, slots=True)
class _Notice:
    """What is to be told, as it is kept."""

    what: str | None
    id: str | None
    at: datetime | None
    left: str | None
    tries: int

    @classmethod
    def of(cls, row: Row[Any] | Company) -> Self:
        return cls(
            *(row.notice, row.notice_id, row.notice_at),
            *(row.notice_left, row.notice_tries),
        )


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a notice is kept: a company's row, or that of one of its addresses."""

    company_id: int
    address_id: int | None = None

    def read(self, connection: Connection) -> _Notice | None:
        """Return what is kept there; None where the place is gone."""
        if self.address_id is None:
            return _Notice.of(registry.get(connection, self.company_id))
        row = connection.execute(
            sa.select(_ADDRESS).where(
                _ADDRESS.c.company_id == self.company_id,
                _ADDRESS.c.id == self.address_id,
            )
        ).first()
        return None if row is None else _Notice.of(row)

    def change(self, connection: Connection, **values: object) -> None:
        """Change what is kept there."""
        if self.address_id is None:
            registry.change(connection, self.company_id, **values)
        else:
            number = self.address_id
            alert_addresses.change(connection, self.company_id, number, **values)

    def audit(self, connection: Connection, now: datetime, what: str) -> None:
        """Keep what was done: by its number where it is an address."""
        detail = None if self.address_id is None else {"address": self.address_id}
        audited: dict[str, Any] = {"who": "server", "what": what, "detail": detail}
        registry.audit(connection, self.company_id, now, **audited)


def deliver(
    engine: Engine, ways: Ways, public_url: str, clock: Callable[[], datetime]
) -> int:
    """Send what is due; return how many notices went out whole."""
    with transaction(engine) as connection:
        due = registry.due(connection, _DUTY.c.notice_at, clock())
        alerted = registry.due(connection, _DUTY.c.alert_at, clock())
    told = sum(_to_operators(engine, ways, public_url, one, clock) for one in due)
    return told + sum(
        _to_customer(engine, ways.customers, public_url, one, clock) for one in alerted
    )


def _to_operators(
    engine: Engine,
    ways: Ways,
    public_url: str,
    company_id: int,
    clock: Callable[[], datetime],
) -> bool:
    def sends(connection: Connection, _: _Notice) -> _Sends:
        body = _body(registry.get(connection, company_id), public_url)
        webhook, email = ways.webhook, ways.email
        told = (str(body["subject"]), str(body["text"]), str(body["id"]))
        found: dict[str, Callable[[], None]] = {}
        if webhook is not None:
            found["webhook"] = lambda: webhook(body)
        if email is not None:
            found["email"] = lambda: email(*told)
        return found

    return _tell(engine, _Place(company_id), ways.names(), sends, clock)


def _to_customer(
    engine: Engine,
    to: ToCustomers | None,
    public_url: str,
    company_id: int,
    clock: Callable[[], datetime],
) -> int:
    """Tell a company's addresses what is due; return how many were told."""
    now = clock()
    with company_transaction(engine, company_id) as connection:
        if to is None:
            again = now + _NO_MAIL_AGAIN
            registry.change(connection, company_id, alert_at=again)
            return 0
        company = registry.get(connection, company_id)
        alerts.plan(connection, company, now)
        rows = alert_addresses.rows(connection, company_id, now)
    told = 0
    for row in rows:
        if row.notice_at is not None and row.notice_at <= now:
            place = _Place(company_id, row.id)
            sends = _mailing(to, public_url, row)
            told += _tell(engine, place, [_MAIL], sends, clock)
    with company_transaction(engine, company_id) as connection:
        alerts.plan(connection, registry.get(connection, company_id), clock())
    return told


def _mailing(
    to: ToCustomers, public_url: str, row: Row[Any]
) -> Callable[[Connection, _Notice], _Sends]:
    named = alert_addresses.link(to.keys, row.company_id, row.id, row.asked_at)
    link = f"{public_url}/alerts/{named}"

    def sends(connection: Connection, notice: _Notice) -> _Sends:
        company = registry.get(connection, row.company_id)
        seen = company.last_seen_at
        about = mails.About(
            company.name,
            company.attention or "",
            alerts.needs(connection, company) if notice.what == "needs_you" else 0,
            f"{seen:%Y-%m-%d %H:%M} UTC" if seen else "",
        )
        subject, text = mails.written(
            *(notice.what or "", about), page=public_url, link=link, contact=to.contact
        )

        def send() -> None:
            try:
                address = to.keys.decrypt(row.address)
            except InvalidToken:
                raise NotSent("e-mail: no key opens the address") from None
            to.send(address, subject, text, notice.id or "", link)

        return {_MAIL: send}

    return sends


def _tell(
    engine: Engine,
    place: _Place,
    names: list[str],
    sends: Callable[[Connection, _Notice], _Sends],
    clock: Callable[[], datetime],
) -> bool:
    """Tell what is kept at a place, if it is due; True if all ways told it."""
    notice = _claim(engine, names, place, clock())
    if notice is None or notice.what is None:
        return False
    with company_reading(engine, place.company_id) as connection:
        found = sends(connection, notice)
    left = (notice.left or "").split(",")
    for way in list(filter(None, left)):
        try:
            if way in found:
                found[way]()
        except NotSent as error:
            _LOG.warning("notice not sent", company=place.company_id, why=str(error))
            continue
        left.remove(way)
        _keep(engine, place, notice, left, clock())
    return not any(left)


def _claim(
    engine: Engine, names: list[str], place: _Place, now: datetime
) -> _Notice | None:
    """Keep that a notice is tried now, so that nobody else does; None if one did."""
    with company_transaction(engine, place.company_id) as connection:
        notice = place.read(connection)
        if notice is None or notice.at is None or notice.at > now:
            return None
        asked = (notice.left or ",".join(names)).split(",")
        left = ",".join(name for name in names if name in asked)
        if not left or notice.tries >= MOST_TRIES:
            place.change(connection, **_OVER)
            if left:
                place.audit(connection, now, f"notice given up: {notice.what}")
            return None
        wait = timedelta(minutes=min(2**notice.tries, 60))
        place.change(
            connection,
            notice_left=left,
            notice_tries=notice.tries + 1,
            notice_at=now + wait,
        )
        return place.read(connection)


_OVER: Mapping[str, None] = {"notice": None, "notice_at": None, "notice_left": None}


def _keep(
    engine: Engine, place: _Place, sent: _Notice, left: list[str], now: datetime
) -> None:
    """Keep that a way has told it; a newer notice is left as it is."""
    values: dict[str, Any] = {"notice_left": ",".join(left)}
    if not any(left):
        values = dict(_OVER)
    with company_transaction(engine, place.company_id) as connection:
        now_kept = place.read(connection)
        if now_kept is not None and now_kept.id == sent.id:
            place.change(connection, **values)
        place.audit(connection, now, f"told: {sent.what}")


def _body(company: Company, public_url: str) -> dict[str, object]:
    late = company.notice == "late"
    seen = company.last_seen_at.isoformat() if company.last_seen_at else None
    told = words.state("company", "late" if late else "live")
    happened = told.happened if late else "Web Connector calls again."
    do = told.do if late else "Nothing to do."
    return {
        "id": company.notice_id,
        "event": f"connection.{company.notice}",
        "company": company.name,
        "company_id": company.id,
        "last_seen_at": seen,
        "subject": f"{company.name}: {'is late' if late else 'is back'}",
        "text": f"{company.name}: {happened} {do} Last call: {seen}. {public_url}",
    }
