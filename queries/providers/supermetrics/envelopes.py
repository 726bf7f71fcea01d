"""The one form of all answers about a query: {"meta": {...}, "data": [...]}, or an error where neither was due.

Whether a query has ended is told by `meta.status_code`, not by the HTTP status: older customers get 200 for a query that
still runs (Supermetrics docs, "Asynchronous queries").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from queries.providers.errors import UnexpectedResponseError, clean_text
from queries.providers.supermetrics.failures import ErrorDetail, parse_error_detail

SUCCESS = "SUCCESS"
_NOTHING = msgspec.Raw(b"")


class _Body(msgspec.Struct):
    meta: msgspec.Raw = _NOTHING
    data: msgspec.Raw = _NOTHING
    error: msgspec.Raw = _NOTHING


_bodies = msgspec.json.Decoder(_Body)
_lists = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True)
class Envelope:
    """An answer about a query. `state` is Supermetrics' word in capitals, "" if there is none; `size` in bytes."""

    meta: Mapping[str, Any]
    error: ErrorDetail | None = None
    rows: list[msgspec.Raw] = field(default_factory=list, repr=False)
    size: int = 0

    @property
    def state(self) -> str:
        """Return the word for where the query stands."""
        word = self.meta.get("status_code")
        return clean_text(word.upper(), limit=60) if isinstance(word, str) else ""

    @property
    def request_id(self) -> str:
        """Give Supermetrics' id of the request, or ""."""
        return clean_text(str(self.meta.get("request_id") or ""), limit=200)

    def meta_object(self, name: str) -> Mapping[str, Any]:
        """Return an object inside `meta`, empty if it is none."""
        return as_mapping(self.meta.get(name))

    @property
    def total_rows(self) -> int | None:
        """Return the number of rows of the whole result, if it is told."""
        return non_negative_int(self.meta_object("result").get("total_rows"))


def parse_envelope(body: bytes) -> Envelope:
    """Read an answer, which has no key in it any more. Raises UnexpectedResponseError, with the request received, for anything else."""
    try:
        raw = _bodies.decode(body)
        meta = _decoded(raw.meta)
        # Problem details have their members at the top; they are short.
        top = {} if raw.data or raw.meta else _decoded(msgspec.Raw(body))
        error = parse_error_detail({"meta": meta, "error": _decoded(raw.error), **top})
        state = meta.get("status_code") if isinstance(meta, dict) else None
        rows = (
            _rows(raw.data)
            if isinstance(state, str) and state.upper() == SUCCESS
            else []
        )
    except (ValueError, RecursionError):
        raise _odd() from None
    if error is None and not isinstance(state, str):
        raise _odd()
    return Envelope(as_mapping(meta), error, rows, len(body))


def as_mapping(value: object) -> Mapping[str, Any]:
    """Return an object as it is, anything else as an empty one."""
    return value if isinstance(value, dict) else {}


def non_negative_int(value: object) -> int | None:
    """Return a whole number that is not negative, None for anything else."""
    good = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if good and isinstance(value, int) else None


def _rows(data: msgspec.Raw) -> list[msgspec.Raw]:
    return _lists.decode(data) if data and bytes(data) != b"null" else []


def _decoded(raw: msgspec.Raw) -> Any:
    """Return what stands beside the rows, whatever bytes are in its texts."""
    if not raw:
        return None
    return msgspec.json.decode(bytes(raw).decode("utf-8", "replace"))


def _odd() -> UnexpectedResponseError:
    return UnexpectedResponseError(
        "Supermetrics' answer is not in the form it is documented to have.",
        may_have_been_received=True,
    )
