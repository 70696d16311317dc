"""Where a request came from, and how, when proxies stand in front.

Anybody may write the headers in which proxies tell that, so they are believed only from
an address that is ours, and only as far as they were written by one.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

INSECURE = "qbwc.insecure"
"""Set in the environment of a request that a proxy of ours was sent by plain http."""
_MOST_HOPS = 32


def networks(text: str) -> tuple[Network, ...]:
    """Read addresses and networks, separated by commas.

    Raises:
        ValueError: one is neither.
    """
    parts = (part.strip() for part in text.split(","))
    return tuple(ipaddress.ip_network(part) for part in parts if part)


def caller(peer: str, forwarded: str, proxies: Sequence[Network]) -> str:
    """Return the address of who calls.

    `peer` is the other end of the connection, `forwarded` all of X-Forwarded-For, whose
    last address was written by the proxy next to us. What cannot be read ends the walk.
    """
    hops = forwarded.split(",")[-_MOST_HOPS:] if forwarded else []
    while hops and _is_ours(peer, proxies):
        address = _address(hops.pop())
        if address is None:
            break
        peer = str(address)
    return peer


def see(environ: dict[str, Any], proxies: Sequence[Network], *, https: bool) -> None:
    """Make REMOTE_ADDR of a request in WSGI's form the caller.

    With `https`, a request that came to our proxy by plain http carries `INSECURE`.
    """
    peer = environ.get("REMOTE_ADDR", "")
    forwarded = environ.get("HTTP_X_FORWARDED_FOR", "")
    scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").split(",")[-1].strip()
    if https and scheme.lower() not in {"", "https"} and _is_ours(peer, proxies):
        environ[INSECURE] = True
    environ["REMOTE_ADDR"] = caller(peer, forwarded, proxies)


def behind(
    application: Callable[..., Iterable[bytes]],
    *,
    proxies: Sequence[Network],
    https: bool,
) -> Callable[..., Iterable[bytes]]:
    """Return a WSGI application that sees who calls."""

    def called(
        environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        see(environ, proxies, https=https)
        return application(environ, start_response)

    return called


def group(peer: str) -> str:
    """Return what of an address stands for one caller: of IPv6 the network of 64 bits.

    That is what a single customer is given, with 2**64 addresses to call from.
    """
    address = _address(peer)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return peer if address is None else str(address)


def site(peer: str) -> str:
    """Return the wider network of an address: of IPv6 the 48 bits that a site is given.

    Whoever has one has 65,536 networks of 64 bits. Of IPv4 it is the address itself:
    neighbours there are strangers to each other.
    """
    address = _address(peer)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 48), strict=False))
    return group(peer)


def _is_ours(text: str, proxies: Sequence[Network]) -> bool:
    address = _address(text)
    return address is not None and any(address in network for network in proxies)


def _address(text: str) -> Address | None:
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]  # some proxies add the port
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
