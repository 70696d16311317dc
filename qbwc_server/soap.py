"""The SOAP methods: the only importer of spyne, one line per method.

spyne takes the arguments' names from the functions, so they are Intuit's, and a
decorator between `rpc` and a function would hide them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import structlog

from qbwc_server import _spyne_compat  # noqa: F401 - must come before spyne

from spyne import Application, Array, Integer, ServiceBase, Unicode, rpc  # isort: skip
from spyne.protocol.soap import Soap11  # isort: skip
from spyne.server.wsgi import WsgiApplication  # isort: skip

from qbwc_server.conversation import Conversation
from qbwc_server.endpoint import NAMESPACE, SAFE, WSGI, endpoint
from qbwc_server.qbxml.response import clean

# It would write whole bodies to the log, with passwords, tickets and people's data.
logging.getLogger("spyne.protocol.soap.soap11.invalid").disabled = True
_LOG = structlog.get_logger(__name__)


def application(
    conversation: Conversation, *, address: str, max_body_bytes: int
) -> WSGI:
    """Return the WSGI application of the endpoint.

    `address` is its public URL, for the WSDL; larger bodies than `max_body_bytes` are
    not taken.
    """
    methods = WsgiApplication(
        Application(
            [_service(conversation)],
            tns=NAMESPACE,
            # qbXML arrives as one text node, beyond libxml2's limit of 10 MB. The
            # limits that count are ours, in `request_body`.
            in_protocol=Soap11(huge_tree=True),
            out_protocol=Soap11(),
        ),
        max_content_length=2 * max_body_bytes,
    )

    def keep(ticket: str, body: str, why: str, peer: str) -> int:
        receive = partial(conversation.receive_unreadable, peer=peer)
        return int(_guard("receiveResponseXML", receive, ticket, body, why))

    return endpoint(
        methods,
        keep=keep,
        alive=conversation.expects_more,
        address=address,
        max_body_bytes=max_body_bytes,
    )


def _service(conversation: Conversation) -> type[ServiceBase]:
    class QBWebConnectorSvc(ServiceBase):  # type: ignore[misc]
        @rpc(_returns=Unicode)
        def serverVersion(ctx: Any) -> Any:
            return _guard("serverVersion", conversation.server_version)

        @rpc(Unicode, _returns=Unicode)
        def clientVersion(ctx: Any, strVersion: Any) -> Any:
            return _guard(
                "clientVersion",
                conversation.client_version,
                strVersion,
                peer=_peer(ctx),
            )

        @rpc(Unicode, Unicode, _returns=Array(Unicode))
        def authenticate(ctx: Any, strUserName: Any, strPassword: Any) -> Any:
            return _guard(
                "authenticate",
                conversation.authenticate,
                strUserName,
                strPassword,
                _peer(ctx),
            )

        @rpc(Unicode, Unicode, Unicode, Unicode, Unicode, Unicode, _returns=Unicode)
        def sendRequestXML(
            ctx: Any,
            ticket: Any,
            strHCPResponse: Any,
            strCompanyFileName: Any,
            qbXMLCountry: Any,
            qbXMLMajorVers: Any,
            qbXMLMinorVers: Any,
        ) -> Any:
            return _guard(
                "sendRequestXML",
                conversation.send_request,
                ticket,
                strHCPResponse,
                strCompanyFileName,
                qbXMLCountry,
                f"{qbXMLMajorVers}.{qbXMLMinorVers}",
                peer=_peer(ctx),
            )

        @rpc(Unicode, Unicode, Unicode, Unicode, _returns=Integer)
        def receiveResponseXML(
            ctx: Any,
            ticket: Any,
            response: Any,
            hresult: Any,
            message: Any,
        ) -> Any:
            return _guard(
                "receiveResponseXML",
                conversation.receive_response,
                ticket,
                response,
                hresult,
                message,
                peer=_peer(ctx),
            )

        @rpc(Unicode, Unicode, Unicode, _returns=Unicode)
        def connectionError(ctx: Any, ticket: Any, hresult: Any, message: Any) -> Any:
            return _guard(
                "connectionError",
                conversation.connection_error,
                ticket,
                hresult,
                message,
                peer=_peer(ctx),
            )

        @rpc(Unicode, _returns=Unicode)
        def getLastError(ctx: Any, ticket: Any) -> Any:
            return _guard(
                "getLastError", conversation.last_error, ticket, peer=_peer(ctx)
            )

        @rpc(Unicode, _returns=Unicode)
        def closeConnection(ctx: Any, ticket: Any) -> Any:
            return _guard(
                "closeConnection", conversation.close, ticket, peer=_peer(ctx)
            )

        @rpc(Unicode, Unicode, _returns=Unicode)
        def getInteractiveURL(ctx: Any, wcTicket: Any, sessionID: Any) -> Any:
            return SAFE["getInteractiveURL"]

        @rpc(Unicode, _returns=Unicode)
        def interactiveDone(ctx: Any, wcTicket: Any) -> Any:
            return SAFE["interactiveDone"]

        @rpc(Unicode, Unicode, _returns=Unicode)
        def interactiveRejected(ctx: Any, wcTicket: Any, reason: Any) -> Any:
            return SAFE["interactiveRejected"]

    return QBWebConnectorSvc


def _peer(ctx: Any) -> str:
    """Return the network address from which a call came."""
    return str(ctx.transport.req_env.get("REMOTE_ADDR", ""))


def _guard(
    name: str, method: Callable[..., Any], *arguments: str | None, **named: str
) -> Any:
    """Call a method of the conversation; whatever fails, answer with the safe value.

    spyne gives None for absent arguments, leaves out a result that is None, and sends
    an empty body for a result that XML cannot hold.
    """
    try:
        result = method(*("" if one is None else one for one in arguments), **named)
    except Exception:  # noqa: BLE001 - the last line before a SOAP fault
        _LOG.exception("call failed", call=name)
        result = SAFE[name]
    if isinstance(result, str):
        return clean(result)
    if isinstance(result, list):
        return [clean(item) for item in result]
    return result
