"""What must be right before anything is sent: the limits of Supermetrics' published interface, and no key inside."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from queries.providers.base import Mode, Problem, QuerySpec
from queries.providers.supermetrics.fields import (
    COMPARISONS,
    CUSTOM,
    DATE_RANGES,
    DEFAULT_SYNC_WAIT,
    MAX_CACHE_MINUTES,
    MAX_COLUMNS,
    MAX_ROWS,
    MAX_SYNC_WAIT,
)
from queries.providers.supermetrics.statements import (
    build_query,
    is_form,
    parse_object,
    split_values,
)

# Our own bound; Supermetrics publishes none for a whole request.
MAX_STATEMENT_CHARACTERS = 100_000
MAX_COUNT = 9_999
_ID = re.compile(r"[A-Za-z0-9_-]{1,50}")
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TEXTS = {
    "ds_user": 255,
    "date_range_type": 50,
    "start_date": 100,
    "end_date": 100,
    "compare_type": 50,
    "compare_show": 50,
    "compare_start_date": 100,
    "compare_end_date": 100,
    "filter": 5_000,
}
_LISTS = {"ds_accounts": 100, "ds_segments": 1_000, "fields": 100}
_NUMBERS = {
    "max_rows": (1, MAX_ROWS),
    "max_columns": (1, MAX_COLUMNS),
    "cache_minutes": (0, MAX_CACHE_MINUTES),
}
_OWN_DATES = (
    ("", "date_range_type", dict(DATE_RANGES)[CUSTOM]),
    ("compare_", "compare_type", dict(COMPARISONS)[CUSTOM]),
)
_OURS = ("schedule_id", "sync_timeout", "offset_start", "offset_end")
_NO_KEY = "Leave api_key out: the connection's own key is used, and a key in a query would be stored with it."


def find_problems(spec: QuerySpec, mode: Mode) -> Iterator[Problem]:
    """Find what is wrong with a spec, in the form's fields or in the statement."""
    yield from (_form_problems if is_form(spec) else _statement_problems)(spec)
    if mode == "direct":
        wait = spec.settings.get("sync_timeout", DEFAULT_SYNC_WAIT)
        if not _is_within(wait, 1, MAX_SYNC_WAIT):
            yield Problem("sync_timeout", f"Give a number from 1 to {MAX_SYNC_WAIT}.")


def _form_problems(spec: QuerySpec) -> Iterator[Problem]:
    for name in ("settings", "ds_accounts"):
        text = str(spec.settings.get(name) or "").strip()
        if text and (name == "settings" or text.startswith("{")):
            try:
                parse_object(text)
            except ValueError as error:
                yield Problem(name, str(error))
                return
    query = build_query(spec.settings)
    if "fields" not in query:
        yield Problem("fields", "Name at least one field.")
    yield from _form_date_problems(spec.settings)
    for name, message in _problems_in(query):
        # The one field of the form whose text becomes members of the query.
        yield Problem("settings" if name == "api_key" else name, message)


def _form_date_problems(settings: Mapping[str, Any]) -> Iterator[Problem]:
    kind = str(settings.get("date_range_type") or "")
    if "_x_" in kind and not _is_within(
        settings.get("date_range_count", 1), 1, MAX_COUNT
    ):
        yield Problem("date_range_count", f"Give a number from 1 to {MAX_COUNT:,}.")
    for prefix, type_name, own in _OWN_DATES:
        given = [
            name
            for name in (f"{prefix}start_date", f"{prefix}end_date")
            if settings.get(name)
        ]
        if given and settings.get(type_name) != CUSTOM:
            yield Problem(given[0], f"Choose “{own}” above, or empty this.")


def _statement_problems(spec: QuerySpec) -> Iterator[Problem]:
    text = spec.statement
    if not text.strip():
        yield Problem("statement", "Write a query, as a JSON object.")
        return
    if len(text) > MAX_STATEMENT_CHARACTERS:
        yield Problem(
            "statement",
            f"The query is longer than {MAX_STATEMENT_CHARACTERS:,} characters.",
        )
        return
    try:
        query = parse_object(text)
    except ValueError as error:
        yield Problem("statement", str(error))
        return
    for name in _OURS:
        if name in query:
            yield Problem("statement", f"Leave {name} out: Querydeck sets it.")
    for name, message in _problems_in(query):
        yield Problem(
            "statement", message if name == "api_key" else f"{name}: {message}"
        )


def _problems_in(query: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Return (member, message) for whatever is beyond the published limits."""
    if _holds_key(query):
        yield "api_key", _NO_KEY
    ds_id = query.get("ds_id")
    if not isinstance(ds_id, str) or not _ID.fullmatch(ds_id):
        yield "ds_id", "Give the id of a data source, such as AW or GAWA."
    if not isinstance(query.get("settings", {}), dict):
        yield "settings", "This must be a JSON object."
    yield from _size_problems(query)
    yield from _date_problems(query)


def _size_problems(query: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, most in _TEXTS.items():
        value = query.get(name)
        if value is not None and (not isinstance(value, str) or len(value) > most):
            yield name, f"Give a text of at most {most:,} characters."
    for name, most in _LISTS.items():
        if _count(query.get(name)) > most:
            yield name, f"Give at most {most:,}."
    for name, (least, most) in _NUMBERS.items():
        if name in query and not _is_within(query[name], least, most):
            yield name, f"Give a number from {least:,} to {most:,}."


def _date_problems(query: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for prefix, kind in (("", "date_range_type"), ("compare_", "compare_type")):
        start, end = (
            query.get(f"{prefix}{name}") for name in ("start_date", "end_date")
        )
        if query.get(kind) == CUSTOM and not (start and end):
            missing = "end_date" if start else "start_date"
            yield f"{prefix}{missing}", "Give both dates."
        both = all(isinstance(d, str) and _ISO_DATE.fullmatch(d) for d in (start, end))
        if both and str(start) > str(end):
            yield f"{prefix}end_date", "The end must not be before the start."


def _holds_key(value: object) -> bool:
    if isinstance(value, dict):
        return "api_key" in value or any(map(_holds_key, value.values()))
    return isinstance(value, list) and any(map(_holds_key, value))


def _count(value: object) -> int:
    if isinstance(value, dict):
        return 1
    return len(value) if isinstance(value, list) else len(split_values(value))


def _is_within(value: object, minimum: int, maximum: int) -> bool:
    return (
        isinstance(value, int)
        and not isinstance(value, bool)
        and minimum <= value <= maximum
    )
