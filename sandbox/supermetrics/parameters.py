"""Reading what was asked: one ``json`` argument, plain arguments, a JSON body or a form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import msgspec

from sandbox.supermetrics.errors import ApiError
from sandbox.web import Request

SCHEDULE_ID = re.compile(r"[A-Za-z0-9_-]{1,50}")
_NUMBERS = {
    "offset_start": (0, 1_000_000),
    "offset_end": (0, 1_000_000),
    "offset": (0, 1_000_000),
    "limit": (1, 100_000),
    "sync_timeout": (0, 3_600),
    "max_rows": (1, 1_000_000),
    "max_columns": (1, 1_000),
    "cache_minutes": (0, 10_080),
}


def parse_parameters(request: Request) -> dict[str, Any]:
    """The parameters of a request, numbers checked. 400 for anything that cannot be read."""
    if request.method == "POST":
        found = _of_body(request)
    elif "json" in request.query_params:
        found = _object(request.query_params["json"][0].encode())
    else:
        found = _plain(request.query_params)
    return {
        name: _checked(name, value)
        for name, value in found.items()
        if value not in (None, "") and name != "pretty"
    }


def split_list(value: object) -> list[str]:
    """A comma-delimited text, or a list, as single words."""
    parts = value if isinstance(value, list) else str(value or "").split(",")
    return [text for part in parts if (text := str(part).strip())]


def require_schedule_id(parameters: Mapping[str, Any]) -> str:
    """The schedule id, which must be there."""
    found = parameters.get("schedule_id")
    if not isinstance(found, str) or not SCHEDULE_ID.fullmatch(found):
        raise bad_request(
            "schedule_id is required, up to 50 characters of A-Z a-z 0-9 _ -"
        )
    return found


def bad_request(message: str) -> ApiError:
    """400, with a message."""
    return ApiError(400, "BAD_REQUEST", message)


def _of_body(request: Request) -> dict[str, Any]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        given = parse_qs(request.body.decode("utf-8", "replace"))
        return _object(given["json"][0].encode()) if "json" in given else _plain(given)
    return _object(request.body)


def _object(text: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(text)
    except (ValueError, RecursionError) as error:
        raise bad_request("The parameters are not valid JSON") from error
    if not isinstance(value, dict):
        raise bad_request("The parameters are not a JSON object")
    return value


def _plain(given: Mapping[str, list[str]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, values in given.items():
        value: Any = values[0] if len(values) == 1 else values
        if name == "settings" and isinstance(value, str):
            value = _object(value.encode())
        found[name] = value
    return found


def _checked(name: str, value: Any) -> Any:
    if name not in _NUMBERS:
        return value
    least, most = _NUMBERS[name]
    try:
        number = int(str(value))
    except ValueError:
        number = least - 1
    if isinstance(value, bool) or not least <= number <= most:
        raise bad_request(f"{name} must be a number from {least} to {most}")
    return number
