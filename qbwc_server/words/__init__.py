"""The one table of words: whatever can happen, and what to do about it. Pure.

`qwc_code(1039)`, `hresult("0x80040408")`, `status(3100)`, `state("job", "failed")` and
`attention("wrong-company-file")` return `Words`; `summary` makes the line that Web
Connector shows at the end of a run; `need` and `standing` say whom a record needs.
"""

from __future__ import annotations

from qbwc_server.words.attentions import attention
from qbwc_server.words.customer.filling import filling
from qbwc_server.words.quickbooks import hresult, status
from qbwc_server.words.rows import Row, rows, who_must_act
from qbwc_server.words.standings import NEEDS, Standing, need, standing
from qbwc_server.words.states import state
from qbwc_server.words.summary import MANY, needs_you, summary
from qbwc_server.words.web_connector import LOCKED, QWC_CODES
from qbwc_server.words.wording import LONGEST, Words, fitting

__all__ = [
    "LOCKED",
    "LONGEST",
    "MANY",
    "NEEDS",
    "Row",
    "Standing",
    "Words",
    "attention",
    "filling",
    "fitting",
    "hresult",
    "need",
    "needs_you",
    "qwc_code",
    "rows",
    "standing",
    "state",
    "status",
    "summary",
    "who_must_act",
]


def qwc_code(number: int) -> Words:
    """Explain a code of Web Connector; one that nobody knows as 1047, never raises."""
    identification = f"QBWC{number}"
    unknown = QWC_CODES["QBWC1047"]
    return QWC_CODES.get(identification) or Words(
        identification, unknown.happened, unknown.do, unknown.page
    )
