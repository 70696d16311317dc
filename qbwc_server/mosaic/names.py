"""Every name of Mosaic's API in one table: paths, wrappers, fields, paging.

The API is documented in part. What follows is put together from Mosaic's reference
pages, its sample programs (github.com/LifeCoded/mosaic-api-examples) and a client in
use (github.com/scjalliance/mosaic). What a record has of them stands in `kinds`
(`mosaic_lists`, `time_entry`). Everything uncertain is here and nowhere else, and says
so:

Doubt 1: a time entry's text is `title` in the sample that creates and `description` in
the one that updates and in every answer. We send both names on create.
Doubt 2: how an archived project, phase or member comes back is not public. We update
`is_archived`; reading back shows whether Mosaic listened.
Doubt 3: the name of a member's type on create; answers call it `employment_type`.
Doubt 4: whether `all=true` has a ceiling. See `listing` for how we would notice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Literal

DEFAULT_LIMIT = 30
"""Objects in a page when none is asked for, says Mosaic's reference."""

PAGE_SIZE = 200
"""Objects we ask for in a page. Mosaic may give fewer; we never rely on a full page."""

SOURCE = "qbwc"
"""How our writes are marked in `api_request_metadata`."""

METADATA = "api_request_metadata"

Names = Mapping[str, tuple[str, ...]]
"""From the name in Mosaic's answers to the name or names in what is sent."""


class Paging(Enum):
    """How the API gives a long list."""

    NONE = "one answer"
    ALL = "one answer when all=true is sent, pages of 30 otherwise"
    PAGES = "limit and offset, with total_count in the answer"


@dataclass(frozen=True, slots=True)
class Action:
    """How a data type is archived or brought back.

    `body` is what is sent. `needs_project` adds `project_id` to it.
    """

    method: Literal["PUT", "DELETE"]
    body: Mapping[str, bool]
    needs_project: bool = False


@dataclass(frozen=True, slots=True)
class DataType:
    """One data type of the API.

    `list_path` is the path below the team that lists it and `list_keys` the keys the
    list has been seen under; `list_params` are always sent with it, so that archived
    objects are listed too and an archived one is never taken for deleted.
    `id_in_body` is the name an id has in the body of a PUT, None when it is in the
    path; `id_in_query` the same for DELETE. `log_name` is the name in request logs.
    """

    name: str
    list_path: str
    list_keys: tuple[str, ...]
    create: Names
    update: Names
    paging: Paging = Paging.NONE
    list_params: Mapping[str, str] = field(default_factory=dict)
    list_needs: str | None = None
    id_in_body: str | None = None
    id_in_query: str | None = None
    update_needs: str | None = None
    archive: Action | None = None
    unarchive: Action | None = None
    log_name: str = ""


def _names(*same: str, **different: str | tuple[str, ...]) -> Names:
    table: dict[str, tuple[str, ...]] = {name: (name,) for name in same}
    for name, sent in different.items():
        table[name] = (sent,) if isinstance(sent, str) else sent
    return MappingProxyType(table)


_ARCHIVED = Action("PUT", {"is_archived": True})
_NOT_ARCHIVED = Action("PUT", {"is_archived": False})

_PROJECT = _names(
    *("portfolio_id", "title", "description", "project_number"),
    *("start_date", "end_date", "total", "billing_type", "rate_group_id"),
    "rate_multiplier",
    client="client",  # the client's NAME; answers have client_id
    is_billable="billable",
)
_PHASE = _names(
    *("project_id", "name", "phase_number", "start_date", "end_date", "fee_type"),
    *("is_budget", "total", "estimated_hours", "is_main", "billing_type"),
    *("rate_group_id", "rate_multiplier", "estimated_cost", "parent_id"),
    is_billable="billable",
)
_WORK_CATEGORY = _names(
    "title", "require_title", is_billable="billable", is_archived="archived"
)
_ACTIVITY_PHASE = _names(
    *("phase_id", "standard_work_category_id", "title", "fee_type", "is_custom"),
    *("total", "estimated_cost", "estimated_hours", "start_date", "end_date"),
    "is_archived",
    is_billable="billable",
)
_MEMBER = _names("email", "first_name", "last_name", "employment_type")
_TIME = (
    *("member_id", "project_id", "phase_id", "standard_work_category_id"),
    *("date", "hours", "rate", "cost_rate", "description_id"),
)

_ALL = (
    DataType(
        name="client",
        list_path="client",
        list_keys=("client",),
        create=_names("client_name", "description"),
        update=_names("client_name", "description"),
        log_name="client",
    ),
    DataType(
        name="portfolio",
        list_path="portfolio/index",
        list_keys=("boards", "portfolio"),
        create=_names("title", "description"),
        update=_names("title", "description"),
        archive=Action("PUT", {"archive": True}),
        unarchive=Action("PUT", {"unarchive": True}),
        log_name="portfolio",
    ),
    DataType(
        name="project",
        list_path="project",
        list_keys=("project",),
        create=_PROJECT,
        update=_PROJECT,
        paging=Paging.PAGES,
        list_needs="portfolio_id",  # without it the API answers 404
        archive=Action("DELETE", {"force_archive": True}),
        unarchive=_NOT_ARCHIVED,
        log_name="project",
    ),
    DataType(
        name="phase",
        list_path="phase/index",
        list_keys=("phase",),
        create=_PHASE,
        update=_PHASE,
        paging=Paging.ALL,
        update_needs="project_id",
        archive=Action("DELETE", {"force_archive": True}, needs_project=True),
        unarchive=Action("PUT", {"is_archived": False}, needs_project=True),
        log_name="phase",
    ),
    DataType(
        name="standard_work_category",
        list_path="standard_work_category",
        list_keys=("standard_work_categories", "standard_work_category"),
        create=_WORK_CATEGORY,
        update=_WORK_CATEGORY,
        archive=Action("PUT", {"archived": True}),
        unarchive=Action("PUT", {"archived": False}),
        log_name="work_category",
    ),
    DataType(
        name="activity_phase",
        list_path="activity_phase",
        list_keys=("work_categories", "activity_phase"),
        create=_ACTIVITY_PHASE,
        update=_ACTIVITY_PHASE,
        paging=Paging.ALL,
        archive=_ARCHIVED,  # its DELETE destroys the time entries below it
        unarchive=_NOT_ARCHIVED,
        log_name="activity_phase",
    ),
    DataType(
        name="employee",
        list_path="employee/index",
        list_keys=("employee",),
        create=_MEMBER,
        update=_MEMBER,
        list_params={"include_discarded": "true"},
        id_in_body="member_id",
        id_in_query="member_id",
        archive=Action("DELETE", {}),
        unarchive=_NOT_ARCHIVED,
        log_name="employee",
    ),
    DataType(
        name="time_entry",
        list_path="time_entry",
        list_keys=("time_entry",),
        create=_names(
            *_TIME, is_billable="billable", description=("title", "description")
        ),
        update=_names(*_TIME, "description", "status", is_billable="billable"),
        paging=Paging.ALL,
        id_in_body="time_entry_id",
        log_name="time_entry",
    ),
)

DATA_TYPES: Mapping[str, DataType] = MappingProxyType(
    {each.name: each for each in _ALL}
)
"""Every data type we know, by its name in the API's paths."""

ARCHIVABLE = frozenset(each.name for each in _ALL if each.archive)
"""What can be archived. A client cannot: the API has neither delete nor archive."""

DECIMALS = frozenset(
    {
        *("hours", "recorded_hours", "invoice_hours", "rate", "cost_rate", "total"),
        *("fee", "budget_bill", "budget_cost", "budget_hours", "estimated_cost"),
        *("estimated_hours", "rate_multiplier"),
    }
)
"""Fields that come as a string or as a number, whichever Mosaic prefers that day."""

DAYS = frozenset({"date", "start_date", "end_date"})
"""Fields that hold a day, YYYY-MM-DD; older parts of the API write MM/DD/YYYY."""
