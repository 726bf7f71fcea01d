"""Lists to pick from: data sources, logins, accounts, fields, segments, report types."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from queries.providers.answers import Response
from queries.providers.base import Choice
from queries.providers.client import ApiCall
from queries.providers.errors import (
    ProviderError,
    QueryError,
    UnexpectedResponseError,
    UnsupportedOperationError,
    clean_text,
)
from queries.providers.supermetrics.envelopes import as_mapping
from queries.providers.supermetrics.failures import (
    Step,
    error_for_detail,
    parse_error_detail,
)
from queries.providers.supermetrics.requests import get_call
from queries.providers.supermetrics.wire import ApiClient

KINDS = ("data_source", "login", "account", "field", "segment", "report_type")
MAX_CHOICES = 10_000
_DS_ID = re.compile(r"[A-Za-z0-9_-]{1,50}")
_TEAM_ID = re.compile(r"[A-Za-z0-9_-]{1,50}")


def fetch_choices(
    wire: ApiClient, kind: str, parent: str, team_id: str
) -> list[Choice]:
    """Return a list. All but data sources and logins are of one data source, `parent`: nothing without it.

    Raises UnsupportedOperationError for a kind that is not offered, and what a refusal means.
    """
    if kind not in KINDS:
        raise UnsupportedOperationError("Supermetrics has no such list.")
    if parent and not _DS_ID.fullmatch(parent):
        raise QueryError("This is not the id of a data source.")
    if kind == "data_source":
        return _list(
            _data_sources(
                _answer(wire, ApiCall("GET", "/datasource/search"), at_root=True)
            )
        )
    if kind == "login":
        return _list(_logins(_answer(wire, ApiCall("GET", "/ds/logins")), parent))
    if not parent:
        return []
    if kind == "report_type":
        return _list(_report_types(_answer(wire, _about(parent, team_id))))
    path, read = _OF_A_SOURCE[kind]
    return _list(read(_answer(wire, get_call(path, {"ds_id": parent}))))


def _answer(
    wire: ApiClient, call: ApiCall, *, at_root: bool = False
) -> Mapping[str, Any]:
    answer: Response = wire.send(Step.CATALOG, call, from_host_root=at_root)
    value = answer.json_object()
    said = parse_error_detail(value)
    if said is not None:
        error: ProviderError = error_for_detail(Step.CATALOG, said)
        raise error
    if not isinstance(value.get("data"), dict | list):
        raise UnexpectedResponseError("Supermetrics' list is not a list.")
    return value


def _about(ds_id: str, team_id: str) -> ApiCall:
    if not _TEAM_ID.fullmatch(team_id):
        raise UnsupportedOperationError(
            "Report types are listed for a team only.",
            remedy="Enter the team's id on the connection's page, or type the report type.",
        )
    return ApiCall(
        "GET", f"/teams/{quote(team_id, safe='')}/datasource/{quote(ds_id, safe='')}"
    )


def _list(found: Iterator[Choice]) -> list[Choice]:
    """Take a bounded number of choices that have a value, each once."""
    known: dict[str, Choice] = {}
    for choice in found:
        if choice.value and len(known) < MAX_CHOICES:
            known.setdefault(choice.value, choice)
    return list(known.values())


def _data_sources(answer: Mapping[str, Any]) -> Iterator[Choice]:
    data = answer["data"]
    for item in _objects(data.get("list") if isinstance(data, dict) else data):
        status = _text(item, "status")
        # Assumption: any status but these can be queried; the documents name none.
        off = status.lower() in {"inactive", "disabled", "deprecated", "removed"}
        categories = item.get("categories")
        group = categories[0] if isinstance(categories, list) and categories else ""
        yield Choice(
            _text(item, "id"),
            _text(item, "name", "marketing_name", "id"),
            group=clean_text(str(_name_in(group)), limit=100),
            enabled=not off,
            note=f"Supermetrics marks it as {status}." if off else "",
        )


def _logins(answer: Mapping[str, Any], ds_id: str) -> Iterator[Choice]:
    now = datetime.now(UTC)
    for item in _objects(answer["data"]):
        source = as_mapping(item.get("ds_info"))
        if ds_id and _text(source, "ds_id") not in {"", ds_id}:
            continue
        note = _unusable(item, now)
        yield Choice(
            _text(item, "username", "login_id"),
            _text(item, "display_name", "username", "login_id"),
            group=_text(source, "name", "ds_id"),
            enabled=not note,
            note=note,
        )


def _unusable(login: Mapping[str, Any], now: datetime) -> str:
    if login.get("revoked_time"):
        return "This login was revoked."
    try:
        expires = datetime.fromisoformat(str(login.get("expiry_time")))
    except ValueError:
        return ""
    aware = expires if expires.tzinfo else expires.replace(tzinfo=UTC)
    expired = aware < now and not login.get("is_refreshable")
    return "This login has expired." if expired else ""


def _accounts(answer: Mapping[str, Any]) -> Iterator[Choice]:
    for login in _objects(answer["data"]):
        owner = _text(login, "display_name", "ds_user")
        for item in _objects(login.get("accounts")):
            yield Choice(
                _text(item, "account_id"),
                _text(item, "account_name", "account_id"),
                group=_text(item, "group_name") or owner,
            )


def _fields(answer: Mapping[str, Any]) -> Iterator[Choice]:
    for item in _objects(answer["data"]):
        metric = item.get("field_type") == "met" or _text(item, "@type") == "ds_metric"
        group = _text(item, "group_name").capitalize()
        yield Choice(
            _text(item, "field_id"),
            _text(item, "field_name", "field_id"),
            group=" · ".join(t for t in ("Metrics" if metric else "Dimensions", group) if t),
        )  # fmt: skip


def _segments(answer: Mapping[str, Any]) -> Iterator[Choice]:
    for login in _objects(answer["data"]):
        for item in _objects(login.get("segments")):
            yield Choice(
                _text(item, "segment_id", "id"),
                _text(item, "segment_name", "name", "segment_id"),
                group=_text(login, "display_name", "ds_user"),
            )


def _report_types(answer: Mapping[str, Any]) -> Iterator[Choice]:
    for item in _objects(as_mapping(answer["data"]).get("report_types")):
        yield Choice(_text(item, "id"), _text(item, "label", "id"))


_Reader = Callable[[Mapping[str, Any]], Iterator[Choice]]
_OF_A_SOURCE: Mapping[str, tuple[str, _Reader]] = {
    "account": ("/query/accounts", _accounts),
    "field": ("/query/fields", _fields),
    "segment": ("/query/segments", _segments),
}


def _objects(value: object) -> Iterator[Mapping[str, Any]]:
    for item in value if isinstance(value, list) else []:
        if isinstance(item, dict):
            yield item


def _text(item: Mapping[str, Any], *names: str) -> str:
    """Return the first member that says something."""
    for name in names:
        value = item.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
            return clean_text(str(value), limit=255)
    return ""


def _name_in(value: object) -> object:
    return value.get("name", "") if isinstance(value, dict) else value
