"""Whom a customer asks: a name, where, and when somebody is there. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

_MAIL: Final = re.compile(r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+")
_PHONE: Final = re.compile(r"\+?[0-9][0-9 ()./-]{5,30}")


@dataclass(frozen=True, slots=True)
class Contact:
    """A name, an address, what to open for it ("" where nothing can be), and hours."""

    name: str
    address: str
    opens: str
    hours: str

    @classmethod
    def of(cls, name: str, address: str, hours: str) -> Self | None:
        """Return whom these name, None for nobody."""
        name, address = name.strip(), address.strip()
        if not name and not address:
            return None
        opens = ""
        if _MAIL.fullmatch(address):
            opens = f"mailto:{address}"
        elif _PHONE.fullmatch(address):
            opens = "tel:" + re.sub(r"[^0-9+]", "", address)
        elif address.startswith("https://"):
            opens = address
        return cls(name or "Our support", address, opens, hours.strip())

    @property
    def said(self) -> str:
        """In a sentence, as mails end with it."""
        where = f": {self.address}" if self.address else ""
        when = f" ({self.hours})" if self.hours else ""
        return f"Something is not clear? Ask {self.name}{where}{when}."
