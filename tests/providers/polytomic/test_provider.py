"""Keys, addresses, the test of a connection, and the connections to pick from."""

from __future__ import annotations

import base64

import pytest

from queries.providers.addresses import validate_endpoint
from queries.providers.credentials import Secret
from queries.providers.errors import (
    AddressRefusedError,
    AuthenticationError,
    NotFoundError,
    UnavailableError,
    UnexpectedResponseError,
    UnsupportedOperationError,
)
from queries.providers.polytomic.provider import Polytomic
from tests.providers.keys import CANARY
from tests.providers.polytomic.samples import (
    CONNECTION,
    CONNECTIONS,
    ME,
    SPEC,
    SUBMIT,
    answer,
)
from tests.scripted_server import Reply, json_reply

OTHER = "11111111-2222-4333-8444-555555555555"


def origin(options, *allowed):
    return validate_endpoint(
        Polytomic.endpoint(options), allowed, Polytomic.known_hosts
    )


def test_the_address_is_polytomics_own_or_an_allowed_one():
    assert origin({}) == "https://app.polytomic.com"
    assert (
        origin({"endpoint": "https://app.polytomic.com/"})
        == "https://app.polytomic.com"
    )
    hosted = {"endpoint": "https://polytomic.example.com"}
    assert origin(hosted, "polytomic.example.com") == "https://polytomic.example.com"
    for refused in (
        {**hosted},
        {"endpoint": "http://app.polytomic.com"},
        {"endpoint": "https://app.polytomic.com.evil.com"},
    ):
        with pytest.raises(AddressRefusedError):
            origin(refused)


@pytest.mark.parametrize(
    ("options", "header"),
    [
        ({}, f"Bearer {CANARY}"),
        ({"auth_kind": "bearer", "user_name": "ignored"}, f"Bearer {CANARY}"),
        ({"auth_kind": "basic"}, f"Basic {CANARY}"),
        (
            {"auth_kind": "basic", "user_name": "acme"},
            "Basic " + base64.b64encode(f"acme:{CANARY}".encode()).decode(),
        ),
    ],
)
def test_a_user_key_and_an_organisation_key_travel_differently(
    make_provider, upstream, options, header
):
    upstream.on(ME, json_reply({"data": {}}))
    make_provider(**options).test()
    assert upstream.requests[0].headers["authorization"] == header


def test_a_key_repeated_in_either_form_is_blotted_out(make_provider, upstream):
    provider = make_provider(auth_kind="basic", user_name="acme")
    token = base64.b64encode(f"acme:{CANARY}".encode()).decode()
    upstream.on(ME, json_reply({"data": {"email": f"{token} {CANARY}"}}))
    message = provider.test().message
    assert token not in message
    assert CANARY not in message
    assert "*** ***" in message


def test_a_user_name_with_a_colon_is_refused():
    authorization = Polytomic.authorization(
        Secret(CANARY), {"auth_kind": "basic", "user_name": "a:b"}
    )
    with pytest.raises(AuthenticationError):
        authorization.headers()


def profile(*ids):
    capabilities = {"query": {"connection_ids": list(ids)}}
    return {
        "credential": {"api_key_profile": {"id": "p", "capabilities": capabilities}}
    }


@pytest.mark.parametrize(
    ("me", "says"),
    [
        (
            {"email": "ann@example.com", "organization_name": "Shop", "is_user": True},
            "It is the key of ann@example.com of Shop.",
        ),
        (
            {"is_organization": True, "organization_name": "Shop"},
            "It is an organisation key of Shop; it belongs to no person.",
        ),
        ({"is_system": True, "organization_name": "Shop"}, "It is a key of Shop."),
        ({}, "It does not say whose key it is."),
        ({"email": 7, "organization_name": None}, "It does not say whose key it is."),
        (profile(CONNECTION), "It may query 1 connection only."),
        (profile(CONNECTION, OTHER), "It may query 2 connections only."),
        (profile(), "It may query 0 connections only."),
    ],
)
def test_a_good_key_is_said_to_work_and_whose_it_is(provider, upstream, me, says):
    upstream.on(ME, json_reply({"data": me}, X_Polytomic_Version="2025-09-18"))
    result = provider.test()
    assert result.ok
    assert result.message.startswith("The key works: Polytomic answered in ")
    assert "as version 2025-09-18." in result.message
    assert says in result.message
    assert [(r.method, r.target) for r in upstream.requests] == [("GET", ME)]


def test_a_partner_key_works_but_cannot_query(provider, upstream):
    upstream.on(
        ME, json_reply({"data": {"is_partner": True, "organization_name": "Agency"}})
    )
    result = provider.test()
    assert not result.ok
    assert result.error_code == "permission_denied"
    assert "partner key of Agency" in result.message
    assert "cannot query" in result.message
    assert result.remedy
    assert result.permission


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(401), "authentication"),
        (Reply(403), "permission_denied"),
        (Reply(404), "not_found"),
        (Reply(429), "rate_limited"),
        (Reply(302, headers={"Location": "https://evil.example.com"}), "redirected"),
        (Reply(body=b"<html>"), "unexpected_response"),
        (json_reply({"me": {}}), "unexpected_response"),
        (json_reply([]), "unexpected_response"),
    ],
)
def test_what_is_wrong_with_a_connection_is_said_in_words(
    provider, upstream, reply, code
):
    upstream.on(ME, reply)
    result = provider.test()
    assert not result.ok
    assert result.error_code == code
    assert result.message
    assert result.remedy


def listed(*items):
    return json_reply({"data": list(items)})


def connection(id_=CONNECTION, name="Warehouse", **more):
    kind = {"id": "postgresql", "name": "PostgreSQL", "operations": []}
    return {"id": id_, "name": name, "type": kind, "status": "healthy"} | more


def picked(provider, upstream, reply, me=None):
    upstream.on(ME, me or json_reply({"data": {}}))
    upstream.on(CONNECTIONS, reply)
    return provider.catalog("connection")


def test_connections_can_be_picked_from(provider, upstream):
    (choice,) = picked(provider, upstream, listed(connection()))
    assert (choice.value, choice.label, choice.group) == (
        CONNECTION,
        "Warehouse",
        "PostgreSQL",
    )
    assert choice.enabled
    assert choice.note == ""


@pytest.mark.parametrize(
    ("more", "note"),
    [
        (
            {"status": "unhealthy", "status_error": "password\nexpired"},
            "unhealthy: password expired",
        ),
        ({"status": "disconnected"}, "disconnected"),
        ({"rate_limit": {"currently_limited": True}}, "rate-limited now"),
        (
            {
                "rate_limit": {
                    "currently_limited": True,
                    "expires_at": "2026-03-10T14:00:00+02:00",
                }
            },
            "rate-limited now, until 2026-03-10 12:00 UTC",
        ),
        (
            {"rate_limit": {"currently_limited": True, "expires_at": "later"}},
            "rate-limited now",
        ),
    ],
)
def test_a_connection_in_trouble_says_so(provider, upstream, more, note):
    healthy = connection(OTHER, "Zebra")
    choices = picked(provider, upstream, listed(connection(**more), healthy))
    assert [choice.value for choice in choices] == [
        OTHER,
        CONNECTION,
    ]  # what works comes first
    assert not choices[1].enabled
    assert choices[1].note == note


@pytest.mark.parametrize(
    "more",
    [
        {"status": None},
        {"status": "Healthy"},
        {"rate_limit": None},
        {
            "rate_limit": {
                "currently_limited": False,
                "limited_since": "2026-03-10T14:00:00Z",
            }
        },
    ],
)
def test_a_connection_without_trouble_can_be_used(provider, upstream, more):
    (choice,) = picked(provider, upstream, listed(connection(**more)))
    assert choice.enabled


@pytest.mark.parametrize(
    "data", [None, [], {}, 7, [None, 7, {"name": "no id"}, {"id": 7}]]
)
def test_a_list_that_is_null_or_odd_is_an_empty_one(provider, upstream, data):
    assert picked(provider, upstream, json_reply({"data": data})) == []


def test_connections_with_little_said_of_them_are_offered_by_their_id(
    provider, upstream
):
    (choice,) = picked(
        provider, upstream, listed({"id": CONNECTION, "type": {"id": "snowflake"}})
    )
    assert (choice.label, choice.group) == (CONNECTION, "snowflake")


def test_a_restricted_key_picks_from_its_own_only(provider, upstream):
    me = json_reply({"data": profile(OTHER)})
    reply = listed(connection(), connection(OTHER, "Mine"))
    assert [c.label for c in picked(provider, upstream, reply, me)] == ["Mine"]


def test_what_a_key_may_query_but_not_list_is_offered_by_its_id(provider, upstream):
    me = json_reply({"data": profile(OTHER)})
    choices = picked(provider, upstream, json_reply({"data": None}), me)
    assert [(c.value, c.label, c.enabled) for c in choices] == [(OTHER, OTHER, True)]


@pytest.mark.parametrize("status", [403, 404])
def test_a_key_that_may_not_see_itself_is_not_restricted(provider, upstream, status):
    assert picked(provider, upstream, listed(connection()), Reply(status))


def test_trouble_while_asking_for_restrictions_is_trouble(provider, upstream):
    with pytest.raises(UnavailableError):
        picked(provider, upstream, listed(connection()), Reply(503))


def test_there_is_no_other_list(provider):
    with pytest.raises(UnsupportedOperationError):
        provider.catalog("table")


def test_a_submit_gives_an_id_and_keeps_no_rows(provider, upstream):
    upstream.on(SUBMIT, answer("created", results=[{"x": 1}]))
    submitted = provider.submit(SPEC, "our-key-1")
    assert submitted.job_id == "43d893ef-322b-47da-badb-3cf10d13a556"
    assert submitted.raw["status"] == "created"
    assert "results" not in submitted.raw


@pytest.mark.parametrize("id_", [None, "", 7, "a/b", "..", "x" * 201, "a\nb"])
def test_a_submit_without_a_usable_id_may_have_been_received(provider, upstream, id_):
    upstream.on(SUBMIT, json_reply({"data": {"id": id_, "status": "created"}}))
    with pytest.raises(UnexpectedResponseError) as odd:
        provider.submit(SPEC, "our-key-1")
    assert odd.value.may_have_been_received


def test_what_polytomic_offers_and_what_it_does_not(provider):
    can = Polytomic.capabilities
    assert (can.direct, can.background, can.idempotent_submit, can.total_known) == (
        False,
        True,
        True,
        True,
    )
    assert can.catalog == ("connection",)
    assert not Polytomic.uses_time_range
    assert Polytomic.statement_language == "sql"
    for call in (
        lambda: provider.run(SPEC),
        lambda: provider.cancel("x"),
        lambda: provider.delete("x"),
        lambda: provider.logs("x"),
        provider.list_jobs,
    ):
        with pytest.raises(UnsupportedOperationError):
            call()


def test_the_samples_are_complete_but_for_the_connection():
    assert Polytomic.samples
    for sample in Polytomic.samples:
        assert sample.mode == "background"
        spec = SPEC.__class__(
            sample.statement, {"connection_id": CONNECTION} | dict(sample.settings)
        )
        assert Polytomic.validate(spec, "background") == []


def test_an_unknown_connection_is_not_taken_for_an_unknown_query(provider, upstream):
    upstream.on(SUBMIT, Reply(404))
    with pytest.raises(NotFoundError, match="connection that the query is for"):
        provider.submit(SPEC, "our-key-1")
