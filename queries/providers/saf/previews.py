"""What the server says of a query before it runs: that it can read it, and how many events it would look at."""

from __future__ import annotations

from typing import Any, Final

from queries.providers.base import Preview
from queries.providers.errors import LimitExceededError, UnexpectedResponseError
from queries.providers.saf.pages import parse_timeline
from queries.providers.saf.scalars import as_mapping

# Assumption: an address may be 4,096 bytes long, as OpenSearch's http.max_initial_line_length has it.
MAX_QUERY_BYTES: Final = 3_900
ACCEPTED = "The server can read this query."
NOT_COUNTED = (
    f"{ACCEPTED} It cannot count the events beforehand, as with several indices by name; "
    "running the query works all the same."
)
NO_EVENTS = f"{ACCEPTED} It finds no events in this time range."


def check_query_length(query: str) -> None:
    """Raise LimitExceededError for a query string that an address cannot hold."""
    if len(query) > MAX_QUERY_BYTES:
        raise LimitExceededError(
            "The query is too long to be checked before it runs.",
            remedy="Run it as it is: running takes longer queries.",
        )


def can_count(answer: object) -> bool:
    """Return whether events can be counted. Raises UnexpectedResponseError for an answer that does not say."""
    told = as_mapping(answer).get("timeline")
    if not isinstance(told, bool):
        raise UnexpectedResponseError(
            "The answer does not say whether the query is right."
        )
    return told


def parse_event_counts(answer: Any) -> Preview:
    """Read a timeline. Raises UnexpectedResponseError if it is none."""
    buckets = parse_timeline(answer)
    if not isinstance(buckets, list) or not all(map(_is_bucket, buckets)):
        raise UnexpectedResponseError("The answer is not a timeline.")
    total: int = sum(bucket["count"] for bucket in buckets)
    if not total:
        return Preview(NO_EVENTS)
    events = "one event" if total == 1 else f"{total:,} events"
    return Preview(
        f"{ACCEPTED} It looks at {events} in this time range.", {"timeline": buckets}
    )


def _is_bucket(bucket: object) -> bool:
    return isinstance(bucket, dict) and bucket.keys() == {"at", "count"}
