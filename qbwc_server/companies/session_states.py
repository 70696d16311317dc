"""Which call of Web Connector is taken in which state of a session. Pure.

A call that is not in `TABLE` for the session's state gets the protocol's own "no".
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a session is; kept in its row."""

    AUTHENTICATED = "authenticated"
    ASKED = "asked"
    READY = "ready"
    FINISHING = "finishing"
    CLOSED = "closed"


TABLE: dict[State, dict[str, tuple[State, ...]]] = {
    State.AUTHENTICATED: {
        "sendRequestXML": (State.ASKED, State.READY, State.FINISHING),
        "connectionError": (State.AUTHENTICATED, State.FINISHING),
        "getLastError": (State.AUTHENTICATED,),
        "closeConnection": (State.CLOSED,),
    },
    State.ASKED: {
        "receiveResponseXML": (State.READY, State.FINISHING),
        "sendRequestXML": (State.ASKED, State.READY, State.FINISHING),
        "connectionError": (State.FINISHING,),
        "getLastError": (State.ASKED,),
        "closeConnection": (State.CLOSED,),
    },
    State.READY: {
        "sendRequestXML": (State.ASKED, State.READY, State.FINISHING),
        "receiveResponseXML": (State.READY,),
        "connectionError": (State.FINISHING,),
        "getLastError": (State.READY,),
        "closeConnection": (State.CLOSED,),
    },
    State.FINISHING: {
        "receiveResponseXML": (State.FINISHING,),
        "connectionError": (State.FINISHING,),
        "getLastError": (State.FINISHING,),
        "closeConnection": (State.CLOSED,),
    },
    State.CLOSED: {},
}
"""{state: {call: states it may lead to}}; a missing call is the "no". A second
receiveResponseXML is in READY and FINISHING because it may be a repetition."""


def mermaid() -> str:
    """Return the table as a Mermaid state chart, for the documentation."""
    lines = ["stateDiagram-v2", "    [*] --> authenticated: authenticate"]
    for state, calls in TABLE.items():
        ends: dict[State, list[str]] = {}
        for call, states in calls.items():
            for end in states:
                ends.setdefault(end, []).append(call)
        lines += [
            f"    {state} --> {end}: {', '.join(names)}" for end, names in ends.items()
        ]
    return "\n".join([*lines, "    closed --> [*]"])
