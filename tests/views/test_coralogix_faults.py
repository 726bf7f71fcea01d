"""What Coralogix does oddly, played over HTTP, and what the person who ran the query then reads."""

from __future__ import annotations

import html
import json
import re
import threading

import pytest
from django.urls import reverse

from queries.models import Mode, Run, Status
from queries.runs.engine import backoff, executor
from queries.runs.engine.fetching import fetch
from queries.runs.engine.scheduler import run_scheduler
from queries.runs.services import RunRequest, start_run, wait_for
from tests.factories import ConnectionFactory
from tests.runs.engine import scripted_coralogix
from tests.scripted_server import (
    CUT,
    Reply,
    Upstream,
    gzip_reply,
    json_reply,
    ndjson_reply,
)

pytestmark = pytest.mark.django_db(transaction=True)

ID = {"queryId": {"queryId": "q-1"}}
HEADERS = {"Content-Type": "application/x-ndjson"}
BIG = 9_223_372_036_854_775_808_123


@pytest.fixture
def upstream():
    with Upstream() as one:
        yield scripted_coralogix.with_success_replies(one)
    executor.direct_executor.stop()
    for thread in threading.enumerate():
        if thread.name == "keeper":
            thread.join(5)


@pytest.fixture
def connection(user, upstream, monkeypatch):
    monkeypatch.setattr(backoff, "INITIAL_BACKOFF", 0.01)
    monkeypatch.setattr(backoff, "MAX_BACKOFF", 0.05)
    return ConnectionFactory(owner=user, origin=upstream.origin)


def read(page, run) -> str:
    """The run's page as text: tags gone, entities resolved, white space folded."""
    text = page.get(reverse("run_detail", args=[run.pk])).text
    text = re.sub(r"(?s)<(script|svg|dialog|head).*?</\1>|<[^>]+>", " ", text)
    return " ".join(html.unescape(text).split())


@pytest.fixture
def direct_page(page, user, connection, upstream):
    """Runs a direct query against these replies; gives the run and what its page says."""

    def play(*replies, **settings):
        upstream.on(scripted_coralogix.QUERY, *replies)
        request = RunRequest(
            owner=user,
            connection=connection,
            statement="source logs",
            mode=Mode.DIRECT,
            settings=settings,
        )
        run = wait_for(start_run(request), 15)
        return run, read(page, run)

    return play


@pytest.fixture
def background_page(page, user, connection, upstream):
    """Runs a background query to its end, step by step; gives the run and what its page says."""

    def play(**replies):
        for name, answers in replies.items():
            path = getattr(scripted_coralogix, name.upper())
            upstream.on(path, *(answers if isinstance(answers, tuple) else (answers,)))
        run = start_run(
            RunRequest(
                owner=user,
                connection=connection,
                statement="source logs",
                mode=Mode.BACKGROUND,
            )
        )
        for _ in range(12):
            Run.objects.filter(pk=run.pk, next_at__isnull=False).update(
                next_at=run.created_at
            )
            run_scheduler(run_seconds=0.01, idle_seconds=0)
            fetch(str(run.pk))
            run.refresh_from_db()
            if not run.is_active:
                break
        return run, read(page, run)

    return play


def line(value) -> bytes:
    return json.dumps(value).encode()


def result(*user_data: str, metadata=()) -> dict:
    rows = [
        {"metadata": list(metadata), "labels": [], "userData": text}
        for text in user_data
    ]
    return {"result": {"results": rows}}


WHOLE = b"\n".join(
    [line(ID), line(scripted_coralogix.batch(0, 3)), line(scripted_coralogix.COMPLETED)]
)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(headers=HEADERS, body=WHOLE + b"\n"),
        Reply(headers=HEADERS, body=WHOLE),
        Reply(headers=HEADERS, body=WHOLE.replace(b"\n", b"\r\n\r\n \r\n")),
        Reply(headers=HEADERS, parts=[WHOLE[n : n + 1] for n in range(len(WHOLE))]),
        Reply(headers=HEADERS, body=WHOLE.rpartition(b"\n")[0]),
        gzip_reply(WHOLE),
        ndjson_reply(
            ID,
            {"heartbeat": {}},
            scripted_coralogix.batch(0, 3),
            {"what": "is this"},
            scripted_coralogix.COMPLETED,
        ),
        ndjson_reply(
            ID, scripted_coralogix.data_batch(0, 3), scripted_coralogix.COMPLETED
        ),
    ],
    ids=[
        "plain",
        "no newline",
        "crlf",
        "bytes",
        "no statistics",
        "gzip",
        "unknown",
        "envelope",
    ],
)
def test_however_the_lines_arrive_the_rows_are_all_there(direct_page, reply):
    run, text = direct_page(reply)
    assert (run.status, run.rows_received) == (Status.SUCCEEDED, 3)
    assert "Complete" in text
    assert "q-1" in text


def test_a_line_of_many_megabytes_is_read(direct_page):
    run, text = direct_page(
        ndjson_reply(
            ID, result(json.dumps({"m": "x" * 5_000_000})), scripted_coralogix.COMPLETED
        )
    )
    assert "Complete" in text
    assert run.bytes_received > 5_000_000


def test_a_cut_stream_keeps_its_rows_and_says_so(direct_page):
    whole = line(scripted_coralogix.batch(0, 3)) + b"\n"
    run, text = direct_page(
        Reply(headers=HEADERS, parts=[line(ID) + b"\n", whole, whole[:40], CUT])
    )
    assert (run.status, run.rows_received) == (Status.FAILED, 3)
    assert "Partial" in text
    assert "message" not in run.error or run.error["message"] in text


def test_an_error_inside_the_stream_is_told_beside_the_rows_before_it(direct_page):
    trouble = {"error": {"message": "too many cooks", "code": {"rateLimitReached": {}}}}
    run, text = direct_page(ndjson_reply(ID, scripted_coralogix.batch(0, 3), trouble))
    assert run.rows_received == 3
    assert "too many cooks" in text
    assert "Partial" in text


def test_closing_statistics_that_say_failed_are_a_failure(direct_page):
    run, text = direct_page(
        ndjson_reply(
            ID, scripted_coralogix.batch(0, 3), {"statistics": {"status": "FAILED"}}
        )
    )
    assert (run.status, run.rows_received) == (Status.FAILED, 3)
    assert "FAILED" in text


@pytest.mark.parametrize(
    ("user_data", "shown"),
    [
        ("just a line of text", "just a line of text"),
        ("[1, 2]", "[1, 2]"),
        ("17", "17"),
        (f'{{"id": {BIG}}}', str(BIG)),
        ('{"id": 9007199254740993}', "9007199254740993"),
        ('{"a": 1, "a": 2}', "2"),
        ('{"missing": null}', "null"),
    ],
)
def test_whatever_user_data_is_it_is_shown(direct_page, user_data, shown):
    run, text = direct_page(
        ndjson_reply(ID, result(user_data), scripted_coralogix.COMPLETED)
    )
    assert run.rows_received == 1
    assert shown.replace(" ", "") in text.replace(" ", "")


def test_missing_values_and_doubled_keys_do_no_harm(direct_page):
    metadata = [
        {"key": "severity"},
        {"key": "logid", "value": "first"},
        {"key": "logid", "value": "second"},
    ]
    run, text = direct_page(
        ndjson_reply(ID, result("{}", metadata=metadata), scripted_coralogix.COMPLETED)
    )
    assert run.rows_received == 1
    assert "first" in text
    assert "second" in text


WARNINGS = [
    (
        {"compileWarning": {"warningMessage": "keypath does not exist '$d.foo'"}},
        "$d.foo",
    ),
    (
        {"timeRangeWarning": {"warningMessage": "end is set to noon"}},
        "another time range",
    ),
    (
        {"numberOfResultsLimitWarning": {"numberOfResultsLimit": 2000}},
        "first 2,000 rows",
    ),
    ({"bytesScannedLimitWarning": {}}, "Run it in the background"),
    ({"deprecationWarning": {"warningMessage": "old word"}}, "old word"),
    ({"blocksLimitWarning": {}}, "archive blocks"),
    (
        {"aggregationBucketsLimitWarning": {"aggregationBucketsLimit": 1000}},
        "1,000 groups",
    ),
    ({"archiveWarning": {"noMetastoreData": {}}}, "no index for this time range"),
    ({"archiveWarning": {"bucketAccessDenied": {}}}, "may not read its archive bucket"),
    ({"archiveWarning": {"bucketReadFailed": {}}}, "could not read its archive bucket"),
    ({"archiveWarning": {"missingData": {}}}, "files of the archive are missing"),
    ({"scrollTimeoutWarning": {}}, "ran out of time"),
    ({"fieldCountLimitWarning": {}}, "more fields"),
    ({"shuffleFileSizeLimitReachedWarning": {}}, "sorting and grouping"),
    ({"filesReadLimitWarning": {}}, "archive files"),
    (
        {
            "sidebarFilterCardinalityLimitWarning": {
                "fields": ["a"],
                "cardinalityLimit": "9",
            }
        },
        "more than 9 values",
    ),
    ({"brandNewWarning": {"warningMessage": "surprise"}}, "surprise"),
]


@pytest.mark.parametrize(
    ("warning", "words"), WARNINGS, ids=[str(w)[:60] for _, w in WARNINGS]
)
def test_every_warning_is_told_in_words(direct_page, warning, words):
    run, text = direct_page(
        ndjson_reply(
            ID,
            {"warning": warning},
            scripted_coralogix.batch(0, 1),
            scripted_coralogix.COMPLETED,
        )
    )
    assert run.status == Status.SUCCEEDED
    assert words in text


def test_a_warning_that_rows_are_missing_marks_the_result(direct_page):
    warning = {"warning": {"bytesScannedLimitWarning": {}}}
    _, text = direct_page(
        ndjson_reply(
            ID, scripted_coralogix.batch(0, 1), warning, scripted_coralogix.COMPLETED
        )
    )
    assert "Truncated" in text


BODIES = [
    b'{"message": "line 1: boom"}',
    b'{"error": "line 1: boom"}',
    b'{"error": {"message": "line 1: boom"}}',
    b'{"detail": "line 1: boom"}',
    b"Compilation errors:\n - line 1: boom",
    b'{"errors": [{"code": "x", "message": "line 1: boom"}], "status_code": 400, "trace": "t"}',
    b'{"code": 3, "message": "line 1: boom"}',
]


@pytest.mark.parametrize("body", BODIES)
def test_every_form_of_an_error_body_is_read(direct_page, body):
    run, text = direct_page(Reply(400, body=body))
    assert run.status == Status.FAILED
    assert "line 1: boom" in text


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "refused the key"),
        (403, "logs.data-api#high:ReadData"),
        (404, "404"),
        (409, "409"),
        (500, "500"),
    ],
)
def test_every_refusal_has_words_of_its_own(direct_page, status, words):
    run, text = direct_page(Reply(status, body=b"no"))
    assert run.status == Status.FAILED
    assert run.error["title"] in text
    assert words in text or run.error["message"] in text


def test_refusals_are_told_apart(direct_page):
    said = {
        direct_page(Reply(status, body=b"x"))[0].error["message"]
        for status in (400, 401, 403, 404, 409, 500)
    }
    assert len(said) == 6


def test_a_rate_limit_is_waited_out_and_told(direct_page):
    run, text = direct_page(
        scripted_coralogix.too_many_requests(1),
        scripted_coralogix.rows(3, scripted_coralogix.COMPLETED),
    )
    assert (run.status, run.rows_received) == (Status.SUCCEEDED, 3)
    assert "too many requests" in run.notes[0]
    assert run.notes[0] in text


def test_a_direct_query_that_waits_for_long_shows_what_for(
    page, user, connection, upstream
):
    upstream.on(scripted_coralogix.QUERY, scripted_coralogix.too_many_requests(600))
    request = RunRequest(
        owner=user, connection=connection, statement="source logs", mode="direct"
    )
    run = wait_for(start_run(request), 1)
    text = read(page, run)
    assert run.is_active
    assert "Waiting until" in text
    assert run.waiting_for in text


STATES = [
    (json_reply({"terminated": {"success": {}}}), Status.SUCCEEDED, "Complete"),
    (
        scripted_coralogix.job_failed("the bucket burst"),
        Status.FAILED,
        "the bucket burst",
    ),
    (
        json_reply({"terminated": {"error": {"timedOut": {}}}}),
        Status.FAILED,
        "longer than a background query may",
    ),
    (
        json_reply({"terminated": {"error": {"cancelled": {}}}}),
        Status.CANCELLED,
        "Cancelled",
    ),
    (json_reply({"terminated": {"cancelled": {}}}), Status.CANCELLED, "Cancelled"),
    (
        scripted_coralogix.job_failed("Max results is 1000000. Refine your query."),
        Status.FAILED,
        "1000000",
    ),
]


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    STATES,
    ids=["success", "failed", "timed out", "cancelled error", "cancelled", "too many"],
)
def test_every_end_of_a_job_is_told(background_page, answer, status, words):
    run, text = background_page(
        status=(scripted_coralogix.WAITING, scripted_coralogix.RUNNING, answer)
    )
    assert run.status == status
    assert words in text


@pytest.mark.parametrize(
    "odd",
    [
        scripted_coralogix.UNKNOWN_STATE,
        json_reply({}),
        scripted_coralogix.UNAVAILABLE,
        scripted_coralogix.CONNECTION_CLOSED,
    ],
    ids=["unknown", "absent", "503", "cut"],
)
def test_an_odd_status_answer_is_outlived(background_page, odd):
    run, text = background_page(status=(odd, scripted_coralogix.SUCCESS))
    assert (run.status, run.rows_received) == (Status.SUCCEEDED, 3)
    assert "494.2" in text


def test_a_job_the_provider_does_not_know_any_more_is_told(background_page):
    run, text = background_page(status=scripted_coralogix.NOT_FOUND)
    assert run.status == Status.FAILED
    assert "does not know this query" in text


def test_a_submit_that_may_have_been_received_is_repeated_and_told(
    background_page, upstream
):
    run, text = background_page(
        submit=(
            scripted_coralogix.CONNECTION_CLOSED,
            scripted_coralogix.job_submitted(),
        )
    )
    assert run.status == Status.SUCCEEDED
    assert upstream.paths().count(scripted_coralogix.SUBMIT) == 2
    assert any("twice" in note or "again" in note for note in run.notes)
    assert run.notes[0] in text


def test_background_queries_that_are_not_enabled_are_told(background_page):
    run, text = background_page(submit=Reply(404, body=b"404 page not found"))
    assert run.status == Status.FAILED
    assert "background" in text.lower()
    assert run.error["remedy"] in text


def test_text_where_rows_are_due_is_told(background_page):
    run, _text = background_page(data=Reply(200, body=b"query is not completed"))
    assert run.status in {Status.FAILED, Status.FETCHING}
    assert run.rows_received == 0


def test_warnings_of_submit_and_status_are_told_once(background_page):
    warning = {"deprecationWarning": {"warningMessage": "old word"}}
    status = json_reply({"terminated": {"success": {}}, "warnings": [warning]})
    run, text = background_page(
        submit=scripted_coralogix.job_submitted(warnings=[warning]), status=status
    )
    assert len(run.warnings) == 1
    # Once as a warning, and once in what the provider last said of the job.
    assert text.count("old word") == 2
