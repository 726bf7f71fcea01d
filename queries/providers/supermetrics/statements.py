"""The query as a JSON object: composed of the form's settings, or written by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from queries.providers.base import QuerySpec
from queries.providers.supermetrics.fields import (
    CUSTOM,
    DEFAULT_COUNT,
    DEFAULT_RANGE,
    FORM,
    JSON,
    NO_RANGE,
)

_SEPARATORS = re.compile(r"[,\n]")
_AS_THEY_ARE = (
    "ds_user",
    "filter",
    "order_rows",
    "max_rows",
    "order_columns",
    "max_columns",
    "cache_minutes",
)


def is_form(spec: QuerySpec) -> bool:
    """Return whether settings spell the query."""
    return str(spec.settings.get("input", FORM)) != JSON


def parse_query(spec: QuerySpec) -> dict[str, Any]:
    """Return the query's own members. Raises ValueError for JSON that is no object."""
    return build_query(spec.settings) if is_form(spec) else parse_object(spec.statement)


def format_statement(query: Mapping[str, Any]) -> str:
    """Write a query down, for people."""
    return msgspec.json.format(msgspec.json.encode(query), indent=2).decode()


def parse_object(text: object) -> dict[str, Any]:
    """Read a JSON object. Raises ValueError with a reason fit to show."""
    try:
        value = msgspec.json.decode(str(text))
    except (ValueError, RecursionError):
        raise ValueError(f"This is not JSON{_where(str(text))}.") from None
    if not isinstance(value, dict):
        raise ValueError("This is not a JSON object: it must be in { }.")  # noqa: TRY004 - the text is wrong, not its type
    return value


def _where(text: str) -> str:
    """Say where JSON ends to be JSON, if it can be said."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return (
            f": {error.msg.lower()}, in line {error.lineno} at character {error.colno}"
        )
    except RecursionError:
        return ": it is nested too deeply"
    return ""


def split_values(value: object) -> list[str]:
    """Return the single values of a setting that holds several."""
    parts = value if isinstance(value, list) else _SEPARATORS.split(str(value or ""))
    return [text for part in parts if (text := str(part).strip())]


def build_query(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Make the query of a form's settings; what is empty is left out. Raises ValueError for settings that are no JSON."""
    query = {
        "ds_id": str(settings.get("ds_id") or "").strip(),
        "ds_accounts": _accounts(settings),
        "ds_segments": split_values(settings.get("ds_segments")),
        **_dates(settings),
        **_comparison(settings),
        "fields": _fields(settings),
        **{name: settings.get(name) for name in _AS_THEY_ARE},
        "settings": _settings(settings),
    }
    return {
        name: value
        for name, value in query.items()
        if value is not None and value not in ("", [], {})
    }


def _accounts(settings: Mapping[str, Any]) -> object:
    text = str(settings.get("ds_accounts") or "").strip()
    if text.startswith("{"):  # a filter: {"filter_name": "/brand/i"}
        return parse_object(text)
    found = split_values(settings.get("ds_accounts"))
    return found[0] if len(found) == 1 else found


def _fields(settings: Mapping[str, Any]) -> list[Any]:
    names = split_values(settings.get("fields"))
    split = split_values(settings.get("split_by"))
    # Assumption: a field as an object has "id" and "split"; only the answer's "field_split" is published.
    return [
        {"id": name, "split": "column"} if name in split else name
        for name in dict.fromkeys([*names, *split])
    ]


def _dates(settings: Mapping[str, Any]) -> dict[str, Any]:
    kind = str(settings.get("date_range_type") or DEFAULT_RANGE)
    if kind == NO_RANGE:
        return {}
    if kind == CUSTOM:
        return {"date_range_type": CUSTOM} | {
            name: settings.get(name) for name in ("start_date", "end_date")
        }
    count = settings.get("date_range_count", DEFAULT_COUNT)
    return {"date_range_type": kind.replace("_x_", f"_{count}_")}


def _comparison(settings: Mapping[str, Any]) -> dict[str, Any]:
    kind = settings.get("compare_type") or "none"
    if kind == "none":
        return {}
    dates = ("compare_start_date", "compare_end_date") if kind == CUSTOM else ()
    return {
        "compare_type": kind,
        "compare_show": settings.get("compare_show"),
        **{name: settings.get(name) for name in dates},
    }


def _settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    text = settings.get("settings") or "{}"
    found = dict(text) if isinstance(text, dict) else parse_object(text)
    report = settings.get("report_type")
    return {"report_type": report} | found if report else found
