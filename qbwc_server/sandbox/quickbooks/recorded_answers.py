"""Filling a company file from real qbXML answers.

Keeps what the answers say, odd as it is: IDs, times (a 30th of February included),
EditSequence, names, parents, flags and the elements a reader might ask for. What is
private and of no use here (SSN, bank account, birth date, card) is left behind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from lxml import etree

from qbwc_server.sandbox.quickbooks.answer import Field, kept
from qbwc_server.sandbox.quickbooks.company_file import CompanyFile
from qbwc_server.sandbox.quickbooks.lists import KINDS, ListKind, in_order
from qbwc_server.sandbox.quickbooks.new_records import NewRecord, insert_records

_PRIVATE: Final = frozenset(
    {"SSN", "BirthDate", "CreditCardInfo", "VendorTaxIdent", "Gender", "Ethnicity"}
)
_PRIVATE_INSIDE: Final = frozenset(
    {"EmployeeTaxInfo", "EmployeeDirectDepositAccount", "Earnings"}
)
_SUFFIX: Final = re.compile(r"-(\d+)$")
_Key = tuple[str, str]


def load_answers(company_file: CompanyFile, paths: Sequence[Path]) -> None:
    """Put the records of answer files into a company file.

    Args:
        company_file: Where to; a record it has already is replaced.
        paths: Answers of QuickBooks to list queries and CompanyQuery, or fragments of
            them. Where two files hold the same ListID of a list, the later edit
            counts; other elements are ignored.

    Raises:
        lxml.etree.XMLSyntaxError: A file is not XML.
    """
    store = company_file.store
    records: dict[_Key, NewRecord] = {}
    company_name = None
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, huge_tree=True
    )
    for path in paths:
        root = etree.fromstring(path.read_bytes(), parser)
        company_name = root.findtext(".//CompanyRet/CompanyName") or company_name
        for kind in KINDS.values():
            for node in root.iter(kind.ret):
                one = _record(kind, node)
                before = records.get((one.kind, one.list_id))
                if before is None or _edited(one) >= _edited(before):
                    records[one.kind, one.list_id] = one
    with store.transaction():
        if company_name:
            store.set("company_name", kept(company_name))
        insert_records(store, [*_missing_parents(records), *records.values()])


def _record(kind: ListKind, node: etree._Element) -> NewRecord:
    list_id = node.findtext("ListID") or ""
    name = node.findtext("Name") or list_id
    parent = node.findtext("ParentRef/ListID")
    made = _SUFFIX.search(list_id)
    edit_sequence = node.findtext("EditSequence") or (made[1] if made else "0")
    # A fragment may lack its times; the epoch keeps it in every filter's reach.
    time = node.findtext("TimeModified") or "1970-01-01T00:00:00"
    fields = [_field(child) for child in node.iterchildren(tag="*")]
    own = {"ParentRef", "Sublevel"} | _PRIVATE
    full_name = (node.findtext("FullName") if kind.is_tree else None) or name
    return NewRecord(
        kind.name,
        list_id,
        kept(name),
        kept(full_name),
        created=node.findtext("TimeCreated") or time,
        modified=time,
        edit_sequence=edit_sequence,
        parent_id=parent,
        sublevel=full_name.count(":"),
        is_active=node.findtext("IsActive") != "false",
        fields=in_order(kind, [field for field in fields if field[0] not in own]),
    )


def _field(node: etree._Element) -> Field:
    children = list(node.iterchildren(tag="*"))
    if not children:
        return (str(node.tag), kept(node.text or ""))
    inside = [_field(child) for child in children if child.tag not in _PRIVATE_INSIDE]
    return (str(node.tag), inside)


def _missing_parents(records: dict[_Key, NewRecord]) -> Iterator[NewRecord]:
    """Make up the parents that references name but no file holds."""
    made: set[_Key] = set()
    for one in records.values():
        child, key = one, (one.kind, one.parent_id or "")
        if child.parent_id and key not in records and key not in made:
            made.add(key)
            full_name = child.full_name.rpartition(":")[0] or child.parent_id
            yield replace(
                child,
                list_id=child.parent_id,
                name=full_name.rpartition(":")[2],
                full_name=full_name,
                parent_id=None,
                sublevel=0,
                is_active=True,
                fields=(),
            )


def _edited(one: NewRecord) -> tuple[int, str]:
    number = int(one.edit_sequence) if one.edit_sequence.isdigit() else 0
    return number, one.modified
