"""Every qbXML status code we have an explanation for, by code."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from qbwc_server.qbxml.status_table_messages import MESSAGES
from qbwc_server.qbxml.status_table_records import RECORDS
from qbwc_server.qbxml.verdict import Status

STATUS_TABLE: Mapping[int, Status] = MappingProxyType(
    {status.code: status for status in (*MESSAGES, *RECORDS)}
)
