"""The edge to the customer's program: HTTP, SOAP, a conversation as a table of states.

Begin with `conversation.Conversation`, which knows neither HTTP nor SOAP; calls come to
it through `endpoint` and `soap`, or through `envelope` where they can.
"""
