"""Three forms of errors, with bad statuses and with good ones."""

from __future__ import annotations

import pytest

from queries.providers.errors import (
    AuthenticationError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    QueryError,
    RateLimitError,
    ResultsExpiredError,
    UnavailableError,
)
from tests.providers.supermetrics.samples import (
    DATA,
    REQUEST_ID,
    SPEC,
    STATUS,
    problem,
    refused,
    status,
)
from tests.scripted_server import Reply, json_reply


def raised(call) -> ProviderError:
    with pytest.raises(ProviderError) as found:
        call()
    return found.value


@pytest.mark.parametrize(
    ("status_code", "code", "kind"),
    [
        (400, "BAD_REQUEST", QueryError),
        (400, "ACCOUNT_ID_INVALID", QueryError),
        (401, "API_KEY_INVALID", AuthenticationError),
        (401, "ACCESS_TOKEN_INVALID", AuthenticationError),
        (403, "API_KEY_DISABLED", AuthenticationError),
        (403, "ACCESS_DENIED_IP", PermissionDeniedError),
        (403, "ACCESS_DENIED_PERMISSIONS", PermissionDeniedError),
        (403, "QUERY_AUTH_UNAVAILABLE", PermissionDeniedError),
        (403, "LICENSE_EXPIRED", PermissionDeniedError),
        (403, "LICENSE_HISTORICAL_RANGE_EXCEEDED", QueryError),
        (403, "LICENSE_ROW_LIMIT_EXCEEDED", QueryError),
        (500, "LICENSE_ACCESS_DATA_SOURCE", PermissionDeniedError),
        (404, "ENDPOINT_NOT_FOUND", NotFoundError),
        (422, "UNPROCESSABLE_CONTENT", QueryError),
        (429, "TOO_MANY_REQUESTS", RateLimitError),
        (500, "INTERNAL_SERVER_ERROR", UnavailableError),
        (503, "SERVICE_UNAVAILABLE", UnavailableError),
        (418, "TEAPOT", ProviderError),
    ],
)
def test_the_code_decides_and_is_shown_with_the_request_id(
    provider, upstream, status_code, code, kind
):
    upstream.on(
        DATA,
        json_reply(refused(code, "Their words.", description="And more."), status_code),
    )
    error = raised(lambda: provider.run(SPEC))
    assert isinstance(error, kind)
    assert error.provider_code == code
    assert error.request_id == REQUEST_ID
    assert error.http_status == status_code
    assert "Their words." in str(error)
    assert error.remedy


@pytest.mark.parametrize(
    ("name", "status_code", "kind"),
    [
        ("bad-request", 400, QueryError),
        ("unauthorized", 401, AuthenticationError),
        ("too-many-requests", 429, RateLimitError),
        ("internal-server-error", 500, UnavailableError),
        ("never-seen", 400, QueryError),
    ],
)
def test_problem_details_mean_the_same(provider, upstream, name, status_code, kind):
    upstream.on(
        DATA, json_reply(problem(name, "A title", status_code, "A detail"), status_code)
    )
    error = raised(lambda: provider.run(SPEC))
    assert isinstance(error, kind)
    assert error.provider_code == name.replace("-", "_").upper()
    assert "A title A detail" in str(error)


@pytest.mark.parametrize("status_code", [404, 200])
def test_an_unknown_status_is_a_text_and_understood(provider, upstream, status_code):
    upstream.on(STATUS, json_reply({"error": "STATUS_NOT_FOUND"}, status_code))
    error = raised(lambda: provider.status("job-1"))
    assert type(error) is NotFoundError
    assert error.provider_code == "STATUS_NOT_FOUND"
    assert "more than an hour ago" in str(error)
    assert type(raised(lambda: provider.rows("job-1"))) is ResultsExpiredError


def test_an_error_that_is_plain_text_is_repeated(provider, upstream):
    upstream.on(DATA, json_reply({"error": "something went wrong"}, 400))
    error = raised(lambda: provider.run(SPEC))
    assert type(error) is QueryError
    assert "something went wrong" in str(error)


def test_the_licences_daily_limit_is_not_tried_again(provider, upstream):
    upstream.on(
        DATA,
        json_reply(
            refused("LICENSE_DAILY_QUERY_LIMIT_EXCEEDED"), 429, Retry_After="17"
        ),
    )
    error = raised(lambda: provider.submit(SPEC, "key-1"))
    assert not isinstance(error, RateLimitError)
    assert not error.retryable
    assert error.retry_after is None
    assert error.code == "daily_limit"
    assert "tomorrow" in error.remedy


@pytest.mark.parametrize("call", ["run", "submit"])
def test_an_error_inside_a_good_answer_is_one(provider, upstream, call):
    upstream.on(DATA, json_reply(refused("BAD_REQUEST", "No such field.")))
    calls = {
        "run": lambda: provider.run(SPEC),
        "submit": lambda: provider.submit(SPEC, "k"),
    }
    error = raised(calls[call])
    assert type(error) is QueryError
    assert "No such field." in str(error)


def test_an_error_nobody_knows_inside_a_good_answer_fails_the_query(provider, upstream):
    upstream.on(DATA, json_reply(refused("NEVER_SEEN", "Hm.")))
    error = raised(lambda: provider.run(SPEC))
    assert type(error) is QueryError
    assert (error.provider_code, error.request_id) == ("NEVER_SEEN", REQUEST_ID)


def test_trouble_inside_a_good_answer_may_pass(provider, upstream):
    upstream.on(STATUS, json_reply(refused("SERVICE_UNAVAILABLE")))
    error = raised(lambda: provider.status("job-1"))
    assert type(error) is UnavailableError
    assert error.retryable


def test_a_conflict_on_our_own_id_means_that_the_query_is_under_way(provider, upstream):
    upstream.on(DATA, json_reply(refused("CONFLICT_ERROR"), 409))
    assert provider.submit(SPEC, "key-1").job_id == "key-1"
    assert type(raised(lambda: provider.run(SPEC))) is ConflictError


def test_a_missing_permission_is_named(provider, upstream):
    upstream.on("*", Reply(403))
    assert raised(lambda: provider.run(SPEC)).permission == "ds_queries_run"
    assert raised(lambda: provider.status("x")).permission == "ds_queries_read"
    assert "ds_logins_read" in raised(lambda: provider.catalog("login")).permission


def test_a_key_that_is_repeated_is_blotted_out(provider, upstream):
    def answer(request):
        key = request.headers["authorization"].split()[1]
        return json_reply(refused("NEVER_SEEN", f"Key {key} is bad."))

    upstream.on(DATA, answer)
    assert "Key *** is bad." in str(raised(lambda: provider.run(SPEC)))


def test_links_with_a_key_are_kept_without_it(provider, upstream):
    link = (
        "https://x/query?json=%7B%22api_key%22%3A%22api_secret%22%7D&api_key=api_secret"
    )
    upstream.on(
        STATUS,
        json_reply(status("RUNNING", paginate={"next": link}, api_key="api_secret")),
    )
    raw = provider.status("job-1").raw
    assert "api_secret" not in str(raw)
    assert raw["meta"]["paginate"]["next"].startswith("https://x/query")
