"""Errors of the engine itself, and the reasons why rows are missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from queries.providers.errors import ProviderError

Cut = dict[str, Any]


def interrupted() -> ProviderError:
    """Return the error of a direct run whose process ended."""
    return ProviderError(
        "The web process that was running this query ended before the query did.",
        code="interrupted",
        title="Interrupted",
        remedy="Run it again; rows received until then are kept.",
        retryable=True,
    )


def run_timed_out(seconds: float, *, is_refine: bool = False) -> ProviderError:
    """Return the error of a run that exceeded our time limit."""
    other = (
        "refine the result by a filter first"
        if is_refine
        else "run it in the background"
    )
    return ProviderError(
        f"The run took longer than {_in_words(seconds)}, the most we wait.",
        code="too_long",
        title="Our time limit was reached",
        remedy=f"Ask for less, or {other}.",
    )


def job_timed_out(seconds: float) -> ProviderError:
    """Return the error of a job that did not end in time; it may still be running at the provider."""
    return ProviderError(
        f"The job had not ended after {_in_words(seconds)}, the longest we watch a job.",
        code="gave_up",
        title="We stopped waiting",
        remedy="Ask for a shorter time range. The provider may still be running the job.",
    )


def connection_deleted() -> ProviderError:
    """Return the error of a run whose connection was deleted meanwhile."""
    return ProviderError(
        "The connection of this run was deleted, and its key with it.",
        code="connection_gone",
        title="The connection is gone",
        remedy="Run it again on another connection.",
    )


def access_lost() -> ProviderError:
    """Return the error of a run whose owner lost access to the connection."""
    return ProviderError(
        "The owner of this run may no longer use its connection.",
        code="access_lost",
        title="No access to the connection",
        remedy="Run it again on a connection of your own.",
    )


def submit_unknown(times: int) -> ProviderError:
    """Return the error of a submit that was sent often enough without a known outcome."""
    return ProviderError(
        f"The query was sent {times} times, and no answer told whether the provider took it.",
        code="submit_unknown",
        title="The query could not be submitted",
        remedy="Wait a little and run it again. Jobs the provider did take end there by themselves.",
    )


def internal_error() -> ProviderError:
    """Return the error for a bug of ours; its details are in the log."""
    return ProviderError(
        "Something went wrong in Querydeck itself; the details are in the server's log.",
        code="internal",
        title="Our mistake",
        remedy="Run it again; if it happens again, contact the administrator of this server.",
    )


def origin_unavailable() -> ProviderError:
    """Return the error of a refine whose origin was deleted or is no longer shared with its owner."""
    return ProviderError(
        "The run this refine reads was deleted, or is no longer shared with you.",
        code="origin_gone",
        title="The origin is gone",
    )


def refine_failed(message: str, *, remedy: str = "") -> ProviderError:
    """Return the error of a refine that could not read the stored rows."""
    return ProviderError(
        message, code="refine", title="The rows could not be refined", remedy=remedy
    )


def memory_limit_exceeded() -> ProviderError:
    """Return the error of a refine that needed more memory than its limit."""
    return ProviderError(
        "The statement needs more memory than one refine may use.",
        code="memory",
        title="Our memory limit was reached",
        remedy="Ask for less: a narrower filter, fewer groups or columns.",
    )


def storage_failed(message: str) -> ProviderError:
    """Return the error of a run whose rows could not be written to disk."""
    return ProviderError(
        message,
        code="storage",
        title="The rows could not be stored",
        remedy="Contact the administrator of this server, then run it again.",
    )


def dropped_columns_note(count: int) -> str:
    """Return the note of a run whose rows have more paths than a result may have columns."""
    if not count:
        return ""
    places = "place was" if count == 1 else "places were"
    return (
        f"{count:,} more {places} found in the rows than a result may have columns. "
        "Their values are in each row's original, and in exports of the originals."
    )


def cut_from_warning(warning: Mapping[str, Any]) -> Cut:
    """Describe rows that are missing because of a provider warning."""
    return {name: warning[name] for name in ("code", "message", "remedy", "details")}


def cut_from_error(error: ProviderError, rows: int) -> Cut:
    """Describe rows that are missing because the stream ended early."""
    return {
        "code": error.code,
        "message": error.message,
        "remedy": error.remedy,
        "details": {"rows": rows},
    }


def cancel_cut(rows: int) -> Cut:
    """Describe rows that are missing because the run was cancelled."""
    return {
        "code": "cancelled",
        "message": f"The run was cancelled after {rows:,} rows.",
        "remedy": "Run it again to get all rows.",
        "details": {"rows": rows},
    }


def _in_words(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes >= 120 and minutes % 60 == 0:  # noqa: PLR2004 - two hours and more
        return f"{minutes // 60} hours"
    return f"{minutes} minutes" if minutes > 1 else f"{seconds:g} seconds"
