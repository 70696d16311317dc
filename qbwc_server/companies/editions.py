"""Which QuickBooks is supported: what differs is said, and goes on as far as it can.

Pure. Supported are Pro and Premier 2014 and later, Enterprise 14.0 and later, and the
Accountant editions of these, for the United States. What cannot work at all is refused
where the company file is recognised.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

OLDEST_MAJOR: Final = 24
"""HostRet's MajorVersion of QuickBooks 2014 and of Enterprise 14.0, as recorded."""
_WITHOUT_TIME: Final = ("simple start", "quickbooks basic")


def warnings(host: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids of what is not supported, the gravest first; see `words`.

    `host` is what a company file's QuickBooks said of itself, as it is kept with the
    company. What it did not say is not held against it.
    """
    product = str(host.get("product") or "").casefold()
    major = str(host.get("release") or "").partition(".")[0]
    country = str(host.get("country") or "US").strip().upper()
    found = {
        "quickbooks-unsupported-edition": any(one in product for one in _WITHOUT_TIME),
        "quickbooks-unsupported-version": major.isdigit() and int(major) < OLDEST_MAJOR,
        "quickbooks-unsupported-country": country != "US",
    }
    return tuple(name for name, is_so in found.items() if is_so)
