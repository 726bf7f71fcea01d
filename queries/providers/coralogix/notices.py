"""Coralogix' warnings in our words, each with what to do about it.

The kinds come from Coralogix' documentation (the first five) and from IBM Cloud Logs' published interface of the same
engine (the others). Several carry no text of their own; all that cut the result say so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from queries.providers.base import ProviderWarning
from queries.providers.coralogix.scalars import parse_int64
from queries.providers.errors import clean_text

MAX_WARNINGS = 100

_IN_BACKGROUND = (
    "Run it in the background, which may read more, or choose a shorter time range."
)
_ARCHIVE_ADMIN = "Ask the owner of the archive bucket in Coralogix."


class _Kind(NamedTuple):
    message: str  # {name} stands for a member of the warning
    remedy: str = ""
    cuts_result: bool = False


_KINDS = {
    "compileWarning": _Kind(
        "Coralogix doubts a part of the query: {warningMessage}",
        "Check the names of fields in the query.",
    ),
    "timeRangeWarning": _Kind(
        "Coralogix used another time range than asked for: {warningMessage}",
        "Choose a shorter range, All Logs, or the background.",
        cuts_result=True,
    ),
    "numberOfResultsLimitWarning": _Kind(
        "Only the first {numberOfResultsLimit} rows were returned; there are more.",
        "Raise the limit, narrow the query, or run it in the background.",
        cuts_result=True,
    ),
    "bytesScannedLimitWarning": _Kind(
        "Coralogix stopped reading at its limit of bytes; rows are missing.",
        _IN_BACKGROUND,
        cuts_result=True,
    ),
    "deprecationWarning": _Kind(
        "The query uses something that Coralogix is giving up: {warningMessage}",
        "Change it before it stops working.",
    ),
    "blocksLimitWarning": _Kind(
        "Coralogix stopped at its limit of archive blocks; rows are missing.",
        _IN_BACKGROUND,
        cuts_result=True,
    ),
    "aggregationBucketsLimitWarning": _Kind(
        "Only {aggregationBucketsLimit} groups were kept; groups are missing.",
        "Group by fewer or coarser values, or filter first.",
        cuts_result=True,
    ),
    "archiveWarning.noMetastoreData": _Kind(
        "The archive has no index for this time range; rows may be missing.",
        "Check that the archive was set up by then.",
        cuts_result=True,
    ),
    "archiveWarning.bucketAccessDenied": _Kind(
        "Coralogix may not read its archive bucket; rows are missing.",
        _ARCHIVE_ADMIN,
        cuts_result=True,
    ),
    "archiveWarning.bucketReadFailed": _Kind(
        "Coralogix could not read its archive bucket; rows may be missing.",
        "Run it again; if it happens again, ask the owner of the archive bucket.",
        cuts_result=True,
    ),
    "archiveWarning.missingData": _Kind(
        "Some files of the archive are missing, and their rows with them.",
        _ARCHIVE_ADMIN,
        cuts_result=True,
    ),
    "scrollTimeoutWarning": _Kind(
        "Coralogix ran out of time while collecting rows; rows are missing.",
        _IN_BACKGROUND,
        cuts_result=True,
    ),
    "fieldCountLimitWarning": _Kind(
        "The data has more fields than Coralogix can read at once; rare fields are missing.",
        "Name the fields you need with choose.",
        cuts_result=True,
    ),
    "shuffleFileSizeLimitReachedWarning": _Kind(
        "Coralogix stopped at its limit for sorting and grouping; rows are missing.",
        _IN_BACKGROUND,
        cuts_result=True,
    ),
    "filesReadLimitWarning": _Kind(
        "Coralogix stopped at its limit of archive files; rows are missing.",
        _IN_BACKGROUND,
        cuts_result=True,
    ),
    "sidebarFilterCardinalityLimitWarning": _Kind(
        "Filter values were counted for some fields only: more than {cardinalityLimit} values in {fields}.",
        "Filter first, if you need the counts of all values.",
    ),
}


def parse_warnings(value: object) -> Iterator[ProviderWarning]:
    """Return the warnings in a "warning" line or a "warnings" list. Kinds we do not know come out as they are."""
    if isinstance(value, list):
        for item in value[:MAX_WARNINGS]:
            yield from parse_warnings(item)
    elif isinstance(value, str):
        yield ProviderWarning("warning", clean_text(value))
    elif isinstance(value, dict):
        for name, details in value.items():
            yield _notice(str(name), details)


def _notice(name: str, details: object) -> ProviderWarning:
    members = details if isinstance(details, dict) else {}
    if name == "archiveWarning":
        name = f"archiveWarning.{next(iter(members), '')}"
        members = {}
    shown = {
        clean_text(str(key), limit=60): _plain(value)
        for key, value in list(members.items())[:20]
    }
    kind = _KINDS.get(name) or _unknown(name, shown)
    message = kind.message.format_map(_Members(shown)).rstrip(": ")
    return ProviderWarning(
        clean_text(name, limit=100),
        message,
        remedy=kind.remedy,
        cuts_result=kind.cuts_result,
        details=shown,
    )


def _unknown(name: str, shown: Mapping[str, Any]) -> _Kind:
    # Assumption: a new kind with "limit" in its name cuts the result, as nearly all known ones do.
    plain = clean_text(name, limit=100).replace("{", "(").replace("}", ")")
    words = "{warningMessage}" if "warningMessage" in shown else ""
    return _Kind(
        f"Coralogix sent a warning we do not know, {plain}: {words}",
        cuts_result="limit" in name.lower(),
    )


class _Members(dict[str, Any]):
    """The members of a warning, for `str.format_map`: numbers grouped, lists joined, absent ones left out."""

    def __getitem__(self, name: str) -> str:
        value = self.get(name, "")
        if isinstance(value, int):
            return f"{value:,}"
        return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _plain(value: object) -> str | int | float | bool | list[str] | None:
    """Keep numbers, also those sent as text (int64 in protobuf's JSON), and short clean texts."""
    if isinstance(value, str):
        number = parse_int64(value)
        return clean_text(value) if number is None else number
    if isinstance(value, list):
        return [clean_text(str(item), limit=100) for item in value[:20]]
    return (
        value
        if isinstance(value, int | float | bool | None)
        else clean_text(str(value))
    )
