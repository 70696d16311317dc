"""A new API key of Mosaic, tried before it is kept.

Mosaic names no owner of a key, so it is tried with the team of the company: a key of
another team does not get at it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import ClassVar, Final

from sqlalchemy.engine import Engine

from qbwc_server.companies import attention
from qbwc_server.companies.registry import Company
from qbwc_server.decisions import company_settings
from qbwc_server.delivery.rate_budget import Budget, BudgetSpent
from qbwc_server.errors import QbwcError
from qbwc_server.keys import Keys
from qbwc_server.mosaic.client import MosaicClient
from qbwc_server.mosaic.connection import Connection
from qbwc_server.mosaic.errors import Forbidden, MosaicError, Unauthorised
from qbwc_server.settings import Settings
from qbwc_server.storage.database import company_transaction
from qbwc_server.words.questions import KEY

_KEY: Final = re.compile(r"[\x21-\x7e]{1,500}")
"""What a header can carry; a blank within it is a slip of the clipboard."""
_TRIALS, _WINDOW_S = 20, 600.0
"""Requests for a company, two a key: who has its link could guess through us."""
_PATIENCE_S: Final = 8.0
"""Somebody sits before the page."""


class KeyNotTaken(QbwcError):
    """A key was tried and is not kept; `customer` says why."""

    id: ClassVar[str] = "mosaic-key-not-taken"


def take(
    engine: Engine,
    keys: Keys,
    settings: Settings,
    company: Company,
    key: str,
    *,
    clock: Callable[[], datetime],
    who: str,
) -> None:
    """Try a key with the company's team, and keep it if Mosaic accepts it.

    Raises:
        KeyNotTaken: it is no key, Mosaic does not accept it or cannot be asked, or too
            many were tried lately. The key before it stays.
    """
    key = key.strip()
    if not _KEY.fullmatch(key):
        raise KeyNotTaken("That is no API key. Copy it from Mosaic once more.")
    budget = Budget(
        engine,
        keys.hash("budget", f"key trials\n{company.id}"),
        requests=_TRIALS,
        window=_WINDOW_S,
        clock=clock,
    )
    client = MosaicClient(
        Connection(
            base_url=company.mosaic_url,
            team_id=company.mosaic_team,
            api_key=key,
            auth_scheme="raw",
            origin=settings.mosaic_origin or settings.public_url,
        ),
        spend=budget.spend,
        timeout=_PATIENCE_S,
        longest=_PATIENCE_S,
    )
    try:
        scheme = client.check()
    except BudgetSpent as error:
        raise KeyNotTaken(
            "Too many keys were tried. Please wait some minutes, then try again."
        ) from error
    except (Unauthorised, Forbidden) as error:
        raise KeyNotTaken(
            f"Mosaic does not accept this key for team {company.mosaic_team}. The key "
            "before it stays."
        ) from error
    except MosaicError as error:
        raise KeyNotTaken(
            "Mosaic cannot be asked just now, so the key is not kept. Please try again "
            "in some minutes."
        ) from error
    finally:
        client.close()
    now = clock()
    company_settings.set_values(
        engine,
        company.id,
        now=now,
        who=who,
        mosaic_key=keys.encrypt(key),
        mosaic_auth_scheme=scheme,
    )
    with company_transaction(engine, company.id) as connection:
        attention.over(connection, company.id, *KEY, now=now)
