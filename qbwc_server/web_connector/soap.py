"""The SOAP methods: the only importer of spyne, one line per method.

spyne takes the arguments' names from the functions, so they are Intuit's, and a
decorator between `rpc` and a function would hide them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from qbwc_server.web_connector import _spyne_compat  # noqa: F401 - must come before spyne

from spyne import Application, Array, Integer, ServiceBase, Unicode, rpc  # isort: skip
from spyne.protocol.soap import Soap11  # isort: skip
from spyne.server.wsgi import WsgiApplication  # isort: skip

from qbwc_server.web_connector.conversation import Conversation
from qbwc_server.web_connector.endpoint import Endpoint
from qbwc_server.web_connector.envelope import NAMESPACE
from qbwc_server.web_connector.methods import Call, calls

# It would write whole bodies to the log, with passwords, tickets and people's data.
logging.getLogger("spyne.protocol.soap.soap11.invalid").disabled = True


def application(
    conversation: Conversation, *, address: str, max_body_bytes: int
) -> Endpoint:
    """Return the WSGI application of the endpoint.

    `address` is its public URL, for the WSDL; larger bodies than `max_body_bytes` are
    not taken.
    """
    by_name = calls(conversation)
    methods = WsgiApplication(
        Application(
            [_service(by_name)],
            tns=NAMESPACE,
            # qbXML arrives as one text node, beyond libxml2's limit of 10 MB. The
            # limits that count are ours, in `request_body`.
            in_protocol=Soap11(huge_tree=True),
            out_protocol=Soap11(),
        ),
        max_content_length=2 * max_body_bytes,
    )

    unreadable = Call(
        "receiveResponseXML",
        ("ticket", "body", "why"),
        lambda peer, *arguments: conversation.receive_unreadable(*arguments, peer=peer),
    )

    def keep(ticket: str, body: str, why: str, peer: str) -> int:
        return int(unreadable.answer(peer, ticket, body, why))

    return Endpoint(
        methods,
        by_name,
        keep=keep,
        alive=conversation.expects_more,
        address=address,
        max_body_bytes=max_body_bytes,
    )


def _service(by_name: Mapping[str, Call]) -> type[ServiceBase]:
    def answer(name: str, ctx: Any, *arguments: Any) -> Any:
        peer = str(ctx.transport.req_env.get("REMOTE_ADDR", ""))
        return by_name[name].answer(peer, *arguments)

    class QBWebConnectorSvc(ServiceBase):  # type: ignore[misc]
        @rpc(_returns=Unicode)
        def serverVersion(ctx: Any) -> Any:
            return answer("serverVersion", ctx)

        @rpc(Unicode, _returns=Unicode)
        def clientVersion(ctx: Any, strVersion: Any) -> Any:
            return answer("clientVersion", ctx, strVersion)

        @rpc(Unicode, Unicode, _returns=Array(Unicode))
        def authenticate(ctx: Any, strUserName: Any, strPassword: Any) -> Any:
            return answer("authenticate", ctx, strUserName, strPassword)

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
            return answer(
                "sendRequestXML",
                ctx,
                ticket,
                strHCPResponse,
                strCompanyFileName,
                qbXMLCountry,
                qbXMLMajorVers,
                qbXMLMinorVers,
            )

        @rpc(Unicode, Unicode, Unicode, Unicode, _returns=Integer)
        def receiveResponseXML(
            ctx: Any, ticket: Any, response: Any, hresult: Any, message: Any
        ) -> Any:
            return answer("receiveResponseXML", ctx, ticket, response, hresult, message)

        @rpc(Unicode, Unicode, Unicode, _returns=Unicode)
        def connectionError(ctx: Any, ticket: Any, hresult: Any, message: Any) -> Any:
            return answer("connectionError", ctx, ticket, hresult, message)

        @rpc(Unicode, _returns=Unicode)
        def getLastError(ctx: Any, ticket: Any) -> Any:
            return answer("getLastError", ctx, ticket)

        @rpc(Unicode, _returns=Unicode)
        def closeConnection(ctx: Any, ticket: Any) -> Any:
            return answer("closeConnection", ctx, ticket)

        @rpc(Unicode, Unicode, _returns=Unicode)
        def getInteractiveURL(ctx: Any, wcTicket: Any, sessionID: Any) -> Any:
            return answer("getInteractiveURL", ctx, wcTicket, sessionID)

        @rpc(Unicode, _returns=Unicode)
        def interactiveDone(ctx: Any, wcTicket: Any) -> Any:
            return answer("interactiveDone", ctx, wcTicket)

        @rpc(Unicode, Unicode, _returns=Unicode)
        def interactiveRejected(ctx: Any, wcTicket: Any, reason: Any) -> Any:
            return answer("interactiveRejected", ctx, wcTicket, reason)

    return QBWebConnectorSvc
