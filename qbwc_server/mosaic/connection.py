"""Where a company's Mosaic is and how we prove who we are."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

AuthScheme = Literal["raw", "bearer"]

_PATH_PART = re.compile(r"[A-Za-z0-9_-]+")
_HEADER = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Connection:
    """One company's access to one Mosaic team.

    `base_url` is the API server without the trailing `/api`. `origin` is the address
    given to Mosaic when the key was asked for, and goes into `Origin` and `x-origin`.
    `auth_scheme` is "raw" for the bare key, as Mosaic's reference shows it, or
    "bearer", which a client in use sends. `tenant` and `realm_id` are `prod` for
    everybody but customers with a server of their own.

    Raises:
        ValueError: A part cannot be sent. The text never repeats the key.
    """

    base_url: str
    team_id: str
    api_key: str = field(repr=False)
    auth_scheme: AuthScheme
    origin: str
    tenant: str = "prod"
    realm_id: str = "prod"

    def __post_init__(self) -> None:
        if not self.base_url.startswith(("https://", "http://")):
            raise ValueError("the address of Mosaic must begin with https://")
        if not _PATH_PART.fullmatch(self.team_id):
            raise ValueError("the Mosaic team id has characters a team id never has")
        # A line end in a header would let whoever set it write headers of their own,
        # and the library's complaint about it would quote the key.
        for name in ("api_key", "origin", "tenant", "realm_id"):
            if not _HEADER.fullmatch(getattr(self, name)):
                raise ValueError(f"{name} has characters that cannot be sent")
        if self.auth_scheme not in ("raw", "bearer"):
            raise ValueError("auth_scheme is raw or bearer")

    @property
    def root(self) -> str:
        """Everything of an address that comes before the data type."""
        server = self.base_url.rstrip("/").removesuffix("/api")
        return f"{server}/api/{self.team_id}/"

    def headers(self, auth_scheme: AuthScheme) -> dict[str, str]:
        """Say who we are, in every way Mosaic has been seen to ask for it."""
        bearer = auth_scheme == "bearer"
        return {
            "Authorization": f"Bearer {self.api_key}" if bearer else self.api_key,
            "Origin": self.origin,
            "x-origin": self.origin,
            "x-tenant": self.tenant,
            "x-realm-id": self.realm_id,
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
        }
