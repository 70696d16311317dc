"""What is to be told about a connection goes out: after it is kept, and then retried.

A try is kept before it is made, each way that succeeded right after. Killed between
sending and keeping, that way is sent once more with the same id: the only time a notice
comes twice. After ten tries it is given up, which the audit tells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.engine import Engine

from qbwc_server import words
from qbwc_server.companies import registry
from qbwc_server.companies.registry import Company
from qbwc_server.operations import notify
from qbwc_server.operations.notify import NotSent
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction, transaction

MOST_TRIES = 10
_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ways:
    """How notices are sent; each is None where it is not set."""

    webhook: Callable[[Mapping[str, object]], None] | None
    email: Callable[[str, str, str], None] | None

    @classmethod
    def of(cls, settings: Settings) -> Ways:
        """Return the ways that the settings name."""
        url, to = settings.notify_webhook.get_secret_value(), settings.notify_email
        smtp = settings.smtp_url.get_secret_value()

        def by_mail(subject: str, text: str, message_id: str) -> None:
            notify.email(smtp, to, subject=subject, text=text, message_id=message_id)

        return cls(
            (lambda body: notify.webhook(url, body)) if url else None,
            by_mail if smtp and to else None,
        )

    def names(self) -> list[str]:
        """Return the names of the ways that are set."""
        ways = {"webhook": self.webhook, "email": self.email}
        return [name for name, way in ways.items() if way is not None]


def deliver(
    engine: Engine, ways: Ways, public_url: str, clock: Callable[[], datetime]
) -> int:
    """Send what is due; return how many notices went out whole."""
    with transaction(engine) as connection:
        due = registry.due(connection, tables.duty.c.notice_at, clock())
    return sum(_deliver(engine, ways, public_url, one, clock) for one in due)


def _deliver(
    engine: Engine,
    ways: Ways,
    public_url: str,
    company_id: int,
    clock: Callable[[], datetime],
) -> bool:
    company = _claim(engine, ways, company_id, clock())
    if company is None or company.notice is None:
        return False
    body = _body(company, public_url)
    left = (company.notice_left or "").split(",")
    for way in list(filter(None, left)):
        try:
            if way == "webhook" and ways.webhook is not None:
                ways.webhook(body)
            elif way == "email" and ways.email is not None:
                ways.email(str(body["subject"]), str(body["text"]), str(body["id"]))
        except NotSent as error:
            _LOG.warning("notice not sent", company=company_id, why=str(error))
            continue
        left.remove(way)
        _keep(engine, company, left, clock())
    return not any(left)


def _claim(
    engine: Engine, ways: Ways, company_id: int, now: datetime
) -> Company | None:
    """Keep that a notice is tried now, so that nobody else does; None if one did."""
    with company_transaction(engine, company_id) as connection:
        company = registry.get(connection, company_id)
        if company.notice_at is None or company.notice_at > now:
            return None
        asked = (company.notice_left or ",".join(ways.names())).split(",")
        left = ",".join(name for name in ways.names() if name in asked)
        over = {"notice": None, "notice_at": None, "notice_left": None}
        if not left or company.notice_tries >= MOST_TRIES:
            registry.change(connection, company_id, **over)
            if left:
                what = f"notice given up: {company.notice}"
                registry.audit(connection, company_id, now, who="server", what=what)
            return None
        wait = timedelta(minutes=min(2**company.notice_tries, 60))
        registry.change(
            connection,
            company_id,
            notice_left=left,
            notice_tries=company.notice_tries + 1,
            notice_at=now + wait,
        )
        return registry.get(connection, company_id)


def _keep(engine: Engine, sent: Company, left: list[str], now: datetime) -> None:
    """Keep that a way has told it; a newer notice is left as it is."""
    values: dict[str, Any] = {"notice_left": ",".join(left)}
    if not any(left):
        values = {"notice": None, "notice_at": None, "notice_left": None}
    with company_transaction(engine, sent.id) as connection:
        if registry.get(connection, sent.id).notice_id == sent.notice_id:
            registry.change(connection, sent.id, **values)
        what = f"told: {sent.notice}"
        registry.audit(connection, sent.id, now, who="server", what=what)


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
