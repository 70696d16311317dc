"""Personal data that QuickBooks may send along: dropped before anything is stored.

Works on text and not on a tree, because what cannot be parsed is stored too. An element
stays where it was and is empty afterwards, so that an answer reads as it did; whatever
else the text holds stays as it came, byte for byte.

Rule: time and memory grow with the length of the text only, whatever it holds. No
pattern looks further back than one tag, and a tag ends at the next "<" at the latest.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from functools import cache

ELEMENTS: tuple[str, ...] = (
    # People: EmployeeRet, and CompanyRet of a sole proprietor.
    *("SSN", "BirthDate", "Gender", "Ethnicity", "USCitizen", "WorkAuthExpireDate"),
    *("Disabled", "DisabilityDesc", "USVeteran", "MilitaryStatus"),
    *("EmployeeAddress", "EmergencyContacts", "TargetBonus", "PagerPIN"),
    # Pay: what EmployeePayrollInfo holds, wherever it stands.
    *("EmployeePayrollInfo", "EmployeePayrollInfoMod", "Earnings", "NonEarnings"),
    *("EmployeeTaxInfo", "EmployeeDirectDepositAccount", "PayPeriod"),
    *("SickHours", "VacationHours", "DirectDepositAccountInfo"),
    *("EmployeeDefaultPayrollInfo", "EmployeeDefaultPayrollInfoMod"),
    # Tax numbers: CompanyRet, VendorRet, CustomerRet.
    *("EIN", "VendorTaxIdent", "TaxRegistrationNumber", "BusinessNumber"),
    # Banks and cards: EmployeeRet, VendorRet, CustomerRet, AccountRet, payments.
    *("AccountNumber", "BankName", "BankNumber", "BankAccountType", "RoutingNumber"),
    *("VendorAccountNumber", "MerchantAccountNumber", "CreditCardInfo"),
    *("CreditCardTxnInfo", "CreditCardTxnInputInfo", "CreditCardTxnResultInfo"),
    *("CreditCardNumber", "NameOnCard", "CreditCardAddress", "CreditCardPostalCode"),
    *("CreditCardTransID", "ExpirationMonth", "ExpirationYear"),
)
"""By Intuit's qbXML schemas 13.0 and 16.0, and a real EmployeeRet of 2019, which had
what the schema of its time did not (EmployeeDirectDepositAccount, EmployeeTaxInfo)."""

_FIRST = "".join(sorted({name[0] for name in ELEMENTS}))
_NAMES = f"(?=[{_FIRST}])(?:{'|'.join(sorted(ELEMENTS))})"
"""The look at the first letter makes it ten times as fast where none begins."""
_OF_PAY = frozenset({"employeepayrollinfo", "employeepayrollinfomod"})
_QUOTED = r"""(?:"[^"<]*+"|'[^'<]*+')"""
_TAIL = rf"""(?:[^<>"']++|{_QUOTED}|["'])*+>?+"""
_SKIPPED = r"!--|!\[CDATA\[|\?"
_ENDS = {"<!--": "-->", "<![CDATA[": "]]>", "<?": "?>"}
_TOKEN = re.compile(
    rf"<(?i:(?P<skipped>{_SKIPPED})|(?P<doctype>!DOCTYPE[^<>\[]*+)"
    rf"|(?P<name>(?=\w)(?:[\w.-]++:)?+{_NAMES})(?=[\s/<>]|\Z){_TAIL})"
)
_PAY_KEPT = re.compile(
    r"<UseTimeDataToCreatePaychecks>\s*+(?:NotSet|UseTimeData|DoNotUseTimeData)\s*+"
    r"</UseTimeDataToCreatePaychecks>"
)
_ATTRIBUTE = re.compile(rf"(?i:\s{_NAMES}\s*+=\s*+[\"'])")
_TAG = re.compile(
    r"<!--(?:(?!-->).)*+|<!\[CDATA\[(?:(?!\]\]>).)*+|(?P<tag><[^\s<>!?/]" + _TAIL + ")",
    re.DOTALL,
)
_CUT_OFF = r"""(?:"[^"<]*+\Z|'[^'<]*+\Z)"""
_VALUE = re.compile(rf"(?i:(\s{_NAMES}\s*+=\s*+))?+(?:{_QUOTED}|{_CUT_OFF})")
_LESS = r"(?:<|&(?:amp;)*+(?:lt|#0*+60|#x0*+3c);)"
_MORE = r"(?:>|&(?:amp;)*+(?:gt|#0*+62|#x0*+3e);)"
_QUOTE = r"&(?:amp;)*+(?:quot|apos|#0*+3[49]|#x0*+2[27]);"
_OPEN = re.compile(
    rf"(?i:{_LESS}(?:[\w.-]++:)?+({_NAMES})\b)(?!\s*+/(?:>|&(?:amp;)*+gt;))"
)
_DECLARED = re.compile(rf"(?i:{_LESS}!DOCTYPE)[^<>\[]*+\[")
_DECLARED_UNTIL = re.compile(rf"\]\s*+{_MORE}", re.IGNORECASE)
_ANY_ATTRIBUTE = re.compile(
    rf"(\s(?:[\w.-]++:)?+{_NAMES}\s*+=\s*+)"
    rf"(?:\"[^\"<]*+\"?+|'[^'<]*+'?+|{_QUOTE}(?:(?!{_QUOTE}|{_LESS}).)*+(?:{_QUOTE})?+"
    r"|[^\s<>\"'&]++)",
    re.IGNORECASE | re.DOTALL,
)


def dropped(text: str) -> str:
    """Return the text of an answer without the content of personal elements.

    Comments and CDATA outside of them stay as they are: what stands in those is text.
    An element that was cut off takes the rest of the text with it. Of
    EmployeePayrollInfo only stays whether time makes paychecks. What a DOCTYPE declares
    goes too, for an entity may be a value.
    """
    if _ATTRIBUTE.search(text):
        text = _TAG.sub(_without_attributes, text)
    return "".join(_parts(text))


def dropped_anywhere(text: str) -> str:
    """Return a text that nobody will parse without what looks like personal elements.

    Meant for bodies that could not be read: they may hold an answer escaped, once or
    twice, or within CDATA. From the name of a personal element everything goes until
    its end, or to the end of the text; so do attributes of that name, and all that a
    DOCTYPE declares.
    """
    text = "".join(_without_declared(text))
    return _ANY_ATTRIBUTE.sub(r'\1""', "".join(_without_elements(text)))


def _without_declared(text: str) -> Iterator[str]:
    at = 0
    while found := _DECLARED.search(text, at):
        yield text[at : found.end()]
        end = _DECLARED_UNTIL.search(text, found.end())
        at = len(text) if end is None else end.start()
    yield text[at:]


def _without_elements(text: str) -> Iterator[str]:
    at = 0
    while found := _OPEN.search(text, at):
        yield text[at : found.end()]
        depth, at = 1, found.end()
        for one in _of_name(found[1].lower()).finditer(text, at):
            depth += -1 if one["end"] else 1
            if depth == 0:
                yield one[0]
                at = one.end()
                break
        else:
            return
    yield text[at:]


@cache
def _of_name(name: str) -> re.Pattern[str]:
    """Return the pattern of where an element begins or ends, however escaped."""
    return re.compile(
        rf"(?i:{_LESS}(?P<end>/)?+(?:[\w.-]++:)?+{name}\b)(?!\s*+/(?:>|&(?:amp;)*+gt;))"
    )


def _parts(text: str) -> Iterator[str]:
    at = 0
    while found := _TOKEN.search(text, at):
        yield text[at : found.start()]
        if found["name"]:
            at = yield from _emptied(text, found)
        elif found["doctype"]:
            at = yield from _undeclared(text, found)
        else:
            at = _end_of_skipped(text, found)
            yield text[found.start() : at]
    yield text[at:]


def _emptied(text: str, found: re.Match[str]) -> Generator[str, None, int]:
    """Yield an element without its content; return where it ends in the text."""
    name, tag = found["name"], found[0]
    if tag.endswith("/>"):
        yield f"<{name}/>"
        return found.end()
    yield f"<{name}" + (">" if tag.endswith(">") else "")
    start, close = _close(text, found.end(), name.rpartition(":")[2])
    if name.rpartition(":")[2].lower() in _OF_PAY:
        yield from _PAY_KEPT.findall(text, found.end(), start)
    yield text[start:close]
    return close


def _close(text: str, at: int, name: str) -> tuple[int, int]:
    """Return where the end tag of an element begins and ends, which may hold its like.

    That is the end of the text where there is none.
    """
    token, depth = _token_within(name.lower()), 1
    while found := token.search(text, at):
        at = found.end()
        if found["skipped"]:
            at = _end_of_skipped(text, found)
        elif found["end"]:
            depth -= 1
        elif not found[0].endswith("/>"):
            depth += 1
        if depth == 0:
            return found.start(), at
    return len(text), len(text)


@cache
def _token_within(name: str) -> re.Pattern[str]:
    return re.compile(
        rf"<(?i:(?P<skipped>{_SKIPPED})"
        rf"|(?P<end>/)?+(?:[\w.-]++:)?+{name}(?=[\s/<>]|\Z){_TAIL})"
    )


def _undeclared(text: str, found: re.Match[str]) -> Generator[str, None, int]:
    """Yield a DOCTYPE without what it declares; return where it ends in the text."""
    yield found[0]
    at = found.end()
    if not text.startswith("[", at):
        return at
    yield "["
    end = re.compile(r"\]\s*+>").search(text, at)
    return len(text) if end is None else end.start()


def _end_of_skipped(text: str, found: re.Match[str]) -> int:
    sign = _ENDS[found[0].upper()]
    end = text.find(sign, found.end())
    return len(text) if end < 0 else end + len(sign)


def _without_attributes(found: re.Match[str]) -> str:
    if not found["tag"]:
        return found[0]
    return _VALUE.sub(lambda one: f'{one[1]}""' if one[1] else one[0], found[0])
