"""The provider's calls end to end: regions, test, submit, status, cancel."""

from __future__ import annotations

import pytest

from queries.providers.base import JobState
from queries.providers.coralogix import regions
from queries.providers.coralogix.provider import Coralogix
from queries.providers.errors import AddressRefusedError, UnexpectedResponseError
from queries.providers.registry import validated_origin
from tests.providers.coralogix.samples import (
    CANCEL,
    DATA,
    DIRECT,
    DONE,
    QUERY_ID,
    SPEC,
    STATUS,
    SUBMIT,
    data,
    direct,
    wire_row,
)
from tests.scripted_server import Reply, json_reply, ndjson_reply

DOMAINS = {
    "us1.coralogix.com", "coralogix.us", "us2.coralogix.com", "cx498.coralogix.com", "us3.coralogix.com",
    "eu1.coralogix.com", "coralogix.com", "eu2.coralogix.com", "ap1.coralogix.com", "coralogix.in",
    "ap2.coralogix.com", "coralogixsg.com", "ap3.coralogix.com", "gov1.coralogixgov.us",
}  # fmt: skip


def test_every_region_is_offered_by_its_new_and_its_old_domain():
    assert {region.domain for region in regions.REGIONS} == DOMAINS
    assert [value for value, _ in regions.choices()][-1] == "custom"


@pytest.mark.parametrize("region", regions.REGIONS, ids=lambda region: region.slug)
def test_a_region_leads_to_its_host_without_any_allowance(region):
    assert (
        validated_origin("coralogix", {"region": region.slug}, ())
        == f"https://api.{region.domain}"
    )


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"region": "custom"},
        {"region": "mars1"},
        {"region": "custom", "endpoint": ""},
    ],
)
def test_options_that_lead_nowhere_are_refused(options):
    with pytest.raises(AddressRefusedError):
        validated_origin("coralogix", options, ())


def test_a_custom_address_is_coralogix_own_or_an_allowed_one():
    def origin(url, *allowed):
        return validated_origin(
            "coralogix", {"region": "custom", "endpoint": url}, allowed
        )

    assert (
        origin("https://ng-api-http.coralogix.com/")
        == "https://ng-api-http.coralogix.com"
    )
    assert origin("https://api.app.coralogix.in") == "https://api.app.coralogix.in"
    assert origin("https://coralogix.link.example.com", "coralogix.link.example.com")
    with pytest.raises(AddressRefusedError):
        origin("https://coralogix.link.example.com")
    with pytest.raises(AddressRefusedError):
        origin("https://api.eu1.coralogix.com.evil.com")


def test_the_address_counts_only_when_the_region_says_so():
    options = {"region": "eu1", "endpoint": "https://evil.example.com"}
    assert Coralogix.endpoint(options) == "https://api.eu1.coralogix.com"


def test_a_good_key_is_said_to_work(provider, upstream):
    upstream.on(DIRECT, ndjson_reply(QUERY_ID, direct(wire_row()), DONE))
    result = provider.test()
    assert result.ok
    assert result.message.startswith("The key works: Coralogix answered in ")
    assert result.message.endswith("It has recent logs.")
    (request,) = upstream.requests
    assert request.json()["query"] == "source logs | limit 1"
    assert request.json()["metadata"]["limit"] == 1


def test_a_good_key_without_logs_works_too(provider, upstream):
    upstream.on(DIRECT, ndjson_reply(QUERY_ID))
    assert provider.test().ok
    assert "no logs of the last 15 minutes" in provider.test().message


@pytest.mark.parametrize(
    ("reply", "code", "says"),
    [
        (Reply(401), "authentication", "another region"),
        (Reply(403), "permission_denied", "logs.data-api#high:ReadData"),
        (Reply(404), "not_found", "no DataPrime interface"),
        (Reply(429), "rate_limited", "30 requests a minute"),
        (Reply(502), "unavailable", "returned a server error"),
        (
            Reply(302, headers={"Location": "https://evil.example.com"}),
            "redirected",
            "Redirects are not followed",
        ),
        (ndjson_reply({"error": {"message": "it broke"}}), "query", "it broke"),
        (Reply(body=b"<html>"), "unexpected_response", "not in the form"),
    ],
)
def test_what_is_wrong_with_a_connection_is_said_in_words(
    provider, upstream, reply, code, says
):
    upstream.on(DIRECT, reply)
    result = provider.test()
    assert not result.ok
    assert result.error_code == code
    assert says in result.message
    assert result.remedy
    assert bool(result.permission) is (code == "permission_denied")


def test_nobody_at_the_address_is_said_in_words(make_provider, upstream):
    provider = make_provider(read_timeout=0.1)
    upstream.on(DIRECT, Reply(raw=[upstream.closed.wait]))
    assert provider.test().error_code == "timeout"
    upstream.__exit__(None, None, None)
    assert provider.test().error_code in {"connect", "unavailable"}


def test_a_submit_gives_an_id_and_its_warnings(provider, upstream):
    upstream.on(
        SUBMIT,
        json_reply(
            {
                "queryId": "a6-54",
                "warnings": [{"compileWarning": {"warningMessage": "x"}}],
            }
        ),
    )
    submitted = provider.submit(SPEC, "our-key")
    assert submitted.job_id == "a6-54"
    assert [w.code for w in submitted.warnings] == ["compileWarning"]
    assert upstream.requests[0].json() == {
        "query": "source logs | limit 10",
        "syntax": "QUERY_SYNTAX_DATAPRIME",
        "startDate": "2026-11-22T10:00:00Z",
        "endDate": "2026-11-22T11:00:00Z",
    }


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"queryId": ""},
        {"queryId": 7},
        {"queryId": None},
        {"queryId": "x" * 201},
        {"queryId": "a\nb"},
    ],
)
def test_a_submit_without_a_usable_id_may_have_been_received(
    provider, upstream, answer
):
    upstream.on(SUBMIT, json_reply(answer))
    with pytest.raises(UnexpectedResponseError) as odd:
        provider.submit(SPEC, "our-key")
    assert odd.value.may_have_been_received


@pytest.mark.parametrize(
    "job_id", ["../../x", "//evil.com", "a?b=c", "%2e%2e", 'q"uote', "😀"]
)
def test_an_id_travels_in_the_body_and_never_in_the_address(provider, upstream, job_id):
    upstream.on(STATUS, json_reply({"running": {}}))
    upstream.on(DATA, ndjson_reply(data(wire_row())))
    upstream.on(CANCEL, json_reply({}))
    assert provider.status(job_id).state is JobState.RUNNING
    with provider.rows(job_id) as rows:
        assert len(list(rows)) == 1
    assert provider.cancel(job_id) is None
    assert upstream.paths() == [STATUS, DATA, CANCEL]
    assert all(request.json() == {"queryId": job_id} for request in upstream.requests)


def test_rows_can_be_read_again(provider, upstream):
    upstream.on(DATA, ndjson_reply(data(wire_row({"n": 1}))))
    for _ in range(2):
        with provider.rows("job-1") as rows:
            assert [row.values["$d"] for row in rows] == [{"n": 1}]


def test_every_call_is_a_post_with_the_key(provider, upstream):
    upstream.on("*", json_reply({"queryId": "x"}))
    provider.submit(SPEC, "k")
    provider.status("x")
    provider.cancel("x")
    assert {request.method for request in upstream.requests} == {"POST"}
    assert all(
        request.headers["authorization"].startswith("Bearer ")
        for request in upstream.requests
    )


def test_what_coralogix_offers_and_asks_for():
    can = Coralogix.capabilities
    assert (can.direct, can.background, can.cancel) == (True, True, True)
    assert can.job_retention.days == 30
    assert not can.idempotent_submit
    assert (Coralogix.rate_limit.calls, Coralogix.rate_limit.seconds) == (30, 60)
    assert Coralogix.column_hints["$m.timestamp"] == "timestamp"
    assert Coralogix.column_hints["$m.severity"] == "severity"
