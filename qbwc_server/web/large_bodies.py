"""Which pages may be sent more than anybody may send, and by whom."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.engine import Engine

from qbwc_server.companies import credentials
from qbwc_server.companies.credentials import Purpose
from qbwc_server.keys import Keys
from qbwc_server.web.customer import runs
from qbwc_server.web.hooks import callbacks

_LARGE: Mapping[re.Pattern[str], tuple[Purpose, int]] = {
    re.compile(r"/setup/([^/]+)/runs"): ("setup", runs.MOST_SENT),
    re.compile(r"/webhook/([^/]+)"): ("webhook", callbacks.MOST_BYTES),
}
"""The addresses by their token."""


def rule(
    engine: Engine, keys: Keys
) -> Callable[[Mapping[str, Any]], tuple[int, str] | None]:
    """Return what tells of a request how many bytes it may have, and who sends it.

    None: no more than anybody.
    """

    def known(environ: Mapping[str, Any]) -> tuple[int, str] | None:
        for address, (purpose, most) in _LARGE.items():
            found = address.fullmatch(environ.get("PATH_INFO", ""))
            if found is None or environ.get("REQUEST_METHOD") != "POST":
                continue
            company = credentials.company_of(engine, keys, purpose, found[1])
            return None if company is None else (most, f"{purpose} {company.id}")
        return None

    return known
