"""Private data of applications in a company file (DataExt).

Web Connector keeps its FileID and AppLock there, assigned to the object "Company"
under an OwnerID. A value needs its definition first, as the SDK's guide tells.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from lxml import etree

from qbwc_server.sandbox.quickbooks.answer import Field, Refused, Reply, kept, only
from qbwc_server.sandbox.quickbooks.store import Store

_LONGEST: Final = {"STR255TYPE": 255, "STR1024TYPE": 1024}
COMPANY: Final = "Company"


def define(store: Store, request: etree._Element) -> Reply:
    """Answer DataExtDefAddRq.

    Raises:
        Refused: Status 3100 when the owner has a definition of that name already.
    """
    body = request[0]
    owner, name = _text(body, "OwnerID"), kept(_text(body, "DataExtName"))
    objects = [node.text or "" for node in body.findall("AssignToObject")]
    if _definition(store, owner, name):
        message = f'The name "{name}" of the list element is already in use.'
        raise Refused(3100, message)
    kind = _text(body, "DataExtType")
    sql = "INSERT INTO extension VALUES (?, ?, ?, ?)"
    store.run(sql, owner.lower(), name, kind, json.dumps(objects))
    number = store.next_number("extension")
    fields: list[Field] = [
        ("OwnerID", owner),
        ("DataExtID", str(number)),
        ("DataExtName", name),
        ("DataExtType", kind),
        *(("AssignToObject", one) for one in objects),
        ("DataExtListRequire", "false"),
        ("DataExtTxnRequire", "false"),
        ("DataExtFormatString", ""),
    ]
    names = [node.text or "" for node in request.findall("IncludeRetElement")]
    return Reply(rows=[("DataExtDefRet", only(fields, names))])


def write(store: Store, request: etree._Element) -> Reply:
    """Answer DataExtAddRq, DataExtModRq or DataExtDelRq.

    Raises:
        Refused: Status 3120 without a definition (or, for Mod and Del, a value), 3210
            when the definition is not for this object, 3100 when an Add finds a
            value, 3070 when the value is too long.
    """
    body = request[0]
    action = str(body.tag).removeprefix("DataExt")
    owner, name = _text(body, "OwnerID"), kept(_text(body, "DataExtName"))
    definition = _definition(store, owner, name)
    if definition is None:
        raise Refused(3120, _not_found(name))
    kind, objects = definition
    what, which = _object(store, body)
    if what not in objects:
        message = f'The "DataExtName" field has an invalid value "{name}".'
        raise Refused(3210, message)
    key = (owner.lower(), name, what, which)
    sql = (
        "SELECT 1 FROM extension_value WHERE owner_id = ? AND name = ? "
        "AND object = ? AND object_id = ?"
    )
    exists = store.one(sql, *key) is not None
    if action == "Add" and exists:
        message = f'The name "{name}" of the list element is already in use.'
        raise Refused(3100, message)
    if action != "Add" and not exists:
        raise Refused(3120, _not_found(name))
    if action == "Del":
        store.run(
            "DELETE FROM extension_value WHERE owner_id = ? AND name = ? "
            "AND object = ? AND object_id = ?",
            *key,
        )
        target: Field = ("OtherDataExtType", what)
        if what != COMPANY:
            target = ("ListDataExtType", what)
        kept_fields: list[Field] = [("OwnerID", owner), ("DataExtName", name), target]
        if what != COMPANY:
            kept_fields.append(("ListObjRef", [("ListID", which)]))
        return Reply(rows=[("DataExtDelRet", kept_fields)])
    value = kept(_text(body, "DataExtValue"))
    if len(value) > _LONGEST.get(kind, 255):
        message = f'The string "{value}" in the field "DataExtValue" is too long.'
        raise Refused(3070, message)
    store.run(
        "INSERT OR REPLACE INTO extension_value VALUES (?, ?, ?, ?, ?)", *key, value
    )
    return Reply(rows=[_field(owner, name, kind, value)])


def extension_fields(
    store: Store, what: str, which: str, owners: Sequence[str]
) -> list[Field]:
    """Return an object's private data of the owners asked for, "0" being custom fields.

    Args:
        store: The company file.
        what: The kind of object, "Company" or a list's name.
        which: Its ListID, "" for the company.
        owners: OwnerIDs as the query named them.
    """
    if not owners:
        return []
    what = "Item" if what == "ItemService" else what
    marks = ", ".join("?" * len(owners))
    rows = store.all(
        "SELECT v.owner_id, v.name, v.value, e.type FROM extension_value v "  # noqa: S608 - our own words
        "JOIN extension e ON e.owner_id = v.owner_id AND e.name = v.name "
        f"WHERE v.object = ? AND v.object_id = ? AND v.owner_id IN ({marks}) "
        "ORDER BY v.owner_id, v.name",
        what,
        which,
        *(owner.lower() for owner in owners),
    )
    return [
        _field(row["owner_id"], row["name"], row["type"], row["value"]) for row in rows
    ]


def _object(store: Store, body: etree._Element) -> tuple[str, str]:
    if body.find("OtherDataExtType") is not None:
        return COMPANY, ""
    what = body.findtext("ListDataExtType")
    if what is None:
        raise Refused(3120, _not_found(_text(body, "TxnID")))
    kinds = ("ItemService",) if what == "Item" else (what,)
    for kind in kinds:
        row = store.one(
            "SELECT list_id FROM record "
            "WHERE kind = ? AND (list_id = ? OR sort_name = ?)",
            kind,
            body.findtext("ListObjRef/ListID"),
            (body.findtext("ListObjRef/FullName") or "").casefold(),
        )
        if row:
            return what, row["list_id"]
    raise Refused(3120, _not_found(_text(body, "ListObjRef/ListID")))


def _definition(store: Store, owner: str, name: str) -> tuple[str, list[str]] | None:
    sql = "SELECT * FROM extension WHERE owner_id = ? AND name = ?"
    row = store.one(sql, owner.lower(), name)
    return (row["type"], json.loads(row["objects"])) if row else None


def _field(owner: str, name: str, kind: str, value: str) -> Field:
    return (
        "DataExtRet",
        [
            ("OwnerID", owner),
            ("DataExtName", name),
            ("DataExtType", kind),
            ("DataExtValue", value),
        ],
    )


def _text(node: etree._Element, path: str) -> str:
    return node.findtext(path) or ""


def _not_found(what: str) -> str:
    return f'Object "{what}" specified in the request cannot be found.'
