"""Who calls, when proxies stand in front: only they are believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbwc_server.proxies import caller, group, networks

OURS = networks("10.0.0.1, 172.16.0.0/12, fd00::/8")


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6,198.51.100.1,172.20.0.3", "198.51.100.1"),
        ("10.0.0.1", "172.20.0.4,172.20.0.3", "172.20.0.4"),
        ("10.0.0.1", "198.51.100.1:5512", "198.51.100.1"),
        ("10.0.0.1", "[2001:db8::7]:5512", "2001:db8::7"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("fd00::2", "2001:db8::7", "2001:db8::7"),
        ("10.0.0.1", "198.51.100.1, unknown", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.1, <script>", "10.0.0.1"),
        ("", "198.51.100.1", ""),
    ],
)
def test_the_address_nearest_to_us_that_is_not_ours_is_the_callers(
    peer: str, forwarded: str, expected: str
) -> None:
    """What stands further left anybody may have written."""
    assert caller(peer, forwarded, OURS) == expected


@given(st.text(max_size=60), st.text(max_size=200))
def test_whatever_the_headers_hold_an_unknown_peer_is_itself(
    peer: str, forwarded: str
) -> None:
    """Without proxies, nothing that is sent changes who sent it."""
    assert caller(peer, forwarded, ()) == peer
    caller("10.0.0.1", forwarded, OURS)
    group(peer)


def test_of_ipv6_a_network_is_one_caller() -> None:
    """And of IPv4 an address, also when it is written as IPv6."""
    assert group("2001:db8:1:2:3::4") == group("2001:db8:1:2::5") == "2001:db8:1:2::/64"
    assert group("2001:db8:1:3::4") != group("2001:db8:1:2::4")
    assert group("::ffff:192.0.2.1") == group("192.0.2.1") == "192.0.2.1"
