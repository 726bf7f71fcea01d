"""Every form a status comes in."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from queries.providers.base import JobState
from queries.providers.coralogix.jobs import parse_job_status as status
from queries.providers.errors import QueryError

TIMES = {
    "runningSince": "2025-01-23T15:16:01Z",
    "terminatedAt": "2025-01-23T15:17:01.123456789Z",
}


@pytest.mark.parametrize(
    ("answer", "state", "native"),
    [
        ({"waitingForExecution": {}}, JobState.WAITING, "waitingForExecution"),
        (
            {"running": {"runningSince": "2025-01-23T15:16:01Z"}},
            JobState.RUNNING,
            "running",
        ),
        (
            {"submittedAt": "2025-01-23T15:16:01Z", "metadata": [], "warnings": []},
            JobState.RUNNING,
            "running",
        ),
        ({}, JobState.RUNNING, "running"),
        (
            {"terminated": TIMES | {"success": {}}},
            JobState.SUCCEEDED,
            "terminated.success",
        ),
        (
            {"terminated": TIMES | {"cancelled": {}}},
            JobState.CANCELLED,
            "terminated.cancelled",
        ),
        (
            {"terminated": TIMES | {"error": {"cancelled": {}}}},
            JobState.CANCELLED,
            "terminated.error.cancelled",
        ),
        (
            {"terminated": TIMES | {"error": {"timedOut": {}}}},
            JobState.FAILED,
            "terminated.error.timedOut",
        ),
        (
            {"terminated": TIMES | {"error": {"failed": {"reason": "x"}}}},
            JobState.FAILED,
            "terminated.error.failed",
        ),
        (
            {"terminated": TIMES | {"error": {"exploded": {}}}},
            JobState.FAILED,
            "terminated.error.exploded",
        ),
        (
            {"terminated": TIMES | {"error": "text"}},
            JobState.FAILED,
            "terminated.error",
        ),
        ({"terminated": TIMES | {"error": None}}, JobState.FAILED, "terminated.error"),
        ({"terminated": TIMES}, JobState.UNKNOWN, "terminated"),
        ({"terminated": TIMES | {"paused": {}}}, JobState.UNKNOWN, "terminated.paused"),
        ({"terminated": "yes"}, JobState.UNKNOWN, "terminated"),
        ({"hibernating": {}, "submittedAt": "x"}, JobState.UNKNOWN, "hibernating"),
    ],
)
def test_every_form_of_a_status_has_its_state(answer, state, native):
    found = status(answer)
    assert (found.state, found.native) == (state, native)
    assert found.raw == answer
    assert (found.error is not None) is (state is JobState.FAILED)
    assert bool(found.warnings) is (state is JobState.UNKNOWN)


def test_the_documented_answer_is_read_to_the_last_member():
    found = status(
        {
            "terminated": TIMES | {"success": {}},
            "submittedAt": "2025-01-23T15:15:58Z",
            "metadata": [
                {"statistics": {"bytesScanned": "506070"}},
                {"statistics": {"bytesScanned": "30"}},
            ],
            "warnings": [{"bytesScannedLimitWarning": {}}],
        }
    )
    assert found.statistics == {"bytes_scanned": 506100}
    assert found.submitted_at == datetime(2025, 1, 23, 15, 15, 58, tzinfo=UTC)
    assert found.started_at == datetime(2025, 1, 23, 15, 16, 1, tzinfo=UTC)
    assert found.ended_at == datetime(2025, 1, 23, 15, 17, 1, 123456, tzinfo=UTC)
    assert [w.code for w in found.warnings] == ["bytesScannedLimitWarning"]


@pytest.mark.parametrize(
    "odd",
    [
        None,
        7,
        "x",
        [None, 7, {}, {"statistics": None}, {"statistics": {"bytesScanned": "many"}}],
    ],
)
def test_odd_statistics_and_times_do_no_harm(odd):
    found = status(
        {"running": odd, "metadata": odd, "warnings": None, "submittedAt": odd}
    )
    assert found.state is JobState.RUNNING
    assert (
        "bytes_scanned" not in found.statistics
        or found.statistics["bytes_scanned"] == "many"
    )
    assert found.submitted_at is None


@pytest.mark.parametrize(
    ("reason", "code", "says"),
    [
        (
            "Max results is 1000000. Refine your query.",
            "MAX_RESULTS",
            "1,000,000 rows at most",
        ),
        (
            "Scanned bytes limit has been reached.",
            "SCANNED_BYTES_LIMIT",
            "more bytes than",
        ),
        ("SCANNED_BYTES_LIMIT", "SCANNED_BYTES_LIMIT", "more bytes than"),
        ("disk on fire", "failed", "disk on fire"),
        ("", "failed", "no reason given"),
    ],
)
def test_a_failure_says_why_and_what_to_do(reason, code, says):
    error = status({"terminated": {"error": {"failed": {"reason": reason}}}}).error
    assert isinstance(error, QueryError)
    assert error.provider_code == code
    assert says in str(error)
    assert error.remedy


def test_a_failure_told_as_text_is_repeated():
    assert "it broke" in str(status({"terminated": {"error": "it broke"}}).error)


def test_a_query_that_ran_too_long_says_so():
    error = status({"terminated": {"error": {"timedOut": {}}}}).error
    assert error.code == "query_timed_out"
    assert "longer than" in str(error)


def test_only_three_states_are_final():
    assert {state for state in JobState if state.is_final} == {
        JobState.SUCCEEDED,
        JobState.FAILED,
        JobState.CANCELLED,
    }
