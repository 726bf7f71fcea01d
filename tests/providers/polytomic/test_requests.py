"""What is sent: where the query text travels, which headers go along, what is refused before."""

from __future__ import annotations

import re
import shlex
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queries.providers.base import QuerySpec
from queries.providers.errors import NotFoundError
from queries.providers.polytomic import requests
from queries.providers.polytomic.fields import API_VERSIONS
from queries.providers.polytomic.provider import Polytomic
from tests.providers.polytomic.samples import CONNECTION, JOB, SPEC, SUBMIT, answer


def spec(statement: str, connection: object = CONNECTION) -> QuerySpec:
    return QuerySpec(statement, {"connection_id": connection})


@pytest.mark.parametrize(
    "statement", ['SELECT 1 + 1 AS "größe" -- 100 % & more?#\n', "a=b&c=d", "\u2028😀"]
)
def test_the_query_travels_in_the_address_with_an_empty_body(
    provider, upstream, statement
):
    upstream.on(SUBMIT, answer("created"))
    provider.submit(spec(statement), "our-key-1")
    (request,) = upstream.requests
    assert (request.method, request.path) == ("POST", SUBMIT)
    assert parse_qs(urlsplit(request.target).query) == {"query": [statement]}
    assert "+" not in request.target
    assert request.json() == {}
    assert request.headers["content-type"] == "application/json"


def test_the_query_travels_in_the_body_if_the_connection_says_so(
    make_provider, upstream
):
    upstream.on(SUBMIT, answer("created"))
    make_provider(query_in_body=True).submit(SPEC, "our-key-1")
    (request,) = upstream.requests
    assert request.target == SUBMIT
    assert request.json() == {"query": SPEC.statement}


@pytest.mark.parametrize(
    ("statement", "in_body"),
    [
        ("x" * 4_000, False),
        ("x" * 4_001, True),
        ("é" * 666, False),  # six characters each, as they are sent
        ("é" * 667, True),
    ],
)
def test_a_query_too_long_for_an_address_travels_in_the_body(
    provider, upstream, statement, in_body
):
    upstream.on(SUBMIT, answer("created"))
    provider.submit(spec(statement), "our-key-1")
    (request,) = upstream.requests
    assert request.json() == ({"query": statement} if in_body else {})
    assert ("?" in request.target) is not in_body


@pytest.mark.parametrize(
    ("chosen", "sent"),
    [
        ({}, API_VERSIONS[0]),
        *(({"api_version": v}, v) for v in API_VERSIONS),
        ({"api_version": "1999-01-01\r\nX-Evil: 1"}, API_VERSIONS[0]),
    ],
)
def test_every_call_names_the_version(make_provider, upstream, chosen, sent):
    upstream.on("*", answer(results=[], count=0))
    provider = make_provider(**chosen)
    provider.submit(SPEC, "our-key-1")
    provider.status(JOB)
    list(provider.rows(JOB))
    provider.catalog("connection")
    provider.test()
    assert len(upstream.requests) == 6
    versions = {r.headers["x-polytomic-version"] for r in upstream.requests}
    assert versions == {sent}


def test_only_a_submit_has_an_idempotency_key(provider, upstream):
    upstream.on("*", answer(results=[], count=0))
    provider.submit(SPEC, "0190c2a4-0000-7000-8000-000000000001")
    provider.submit(SPEC, "0190c2a4-0000-7000-8000-000000000001")
    provider.submit(SPEC, "0190c2a4-0000-7000-8000-000000000002")
    provider.status(JOB)
    keys = [r.headers.get("idempotency-key") for r in upstream.requests]
    assert keys == [
        "0190c2a4-0000-7000-8000-000000000001",
        "0190c2a4-0000-7000-8000-000000000001",
        "0190c2a4-0000-7000-8000-000000000002",
        None,
    ]


@given(st.text(), st.text())
def test_any_key_of_ours_becomes_one_of_the_documented_form(one, other):
    made = requests.idempotency_key(one)
    assert re.fullmatch(r"[A-Za-z0-9_-]{8,255}", made)
    assert made == requests.idempotency_key(one)
    assert (made == requests.idempotency_key(other)) is (one == other)


def problems(
    statement: str = "SELECT 1", connection: object = CONNECTION, mode="background"
):
    found = Polytomic.validate(spec(statement, connection), mode)
    return {problem.field for problem in found}


def test_what_polytomic_would_refuse_is_found_before():
    assert problems() == set()
    assert problems("  \n") == {"statement"}
    assert problems("x" * 100_001) == {"statement"}
    assert problems("x" * 100_000) == set()
    assert problems(mode="direct") == {"statement"}
    for odd in (None, "", "x", "../me", 7, f"{CONNECTION}/../x", f"{CONNECTION}\n"):
        assert problems(connection=odd) == {"connection_id"}
    assert {p.field for p in Polytomic.validate(QuerySpec("x"), "background")} == {
        "connection_id"
    }


@pytest.mark.parametrize(
    "job_id", ["", ".", "..", "a/b", "a?b", "a%2e", "é", "x" * 201, "a b", "a\n"]
)
def test_what_cannot_be_an_id_never_becomes_an_address(provider, upstream, job_id):
    for call in (provider.status, provider.rows):
        with pytest.raises(NotFoundError):
            call(job_id)
    assert upstream.requests == []


def test_the_curl_command_can_be_pasted_into_a_shell():
    statement = "SELECT 'it''s' -- $HOME `x` \"y\"\nFROM people"
    words = shlex.split(
        Polytomic.curl(spec(statement), "background", "https://x.example")
    )
    url = next(word for word in words if word.startswith("https:"))
    assert urlsplit(url).path == SUBMIT
    assert parse_qs(urlsplit(url).query) == {"query": [statement]}
    assert words[-2:] == ["--data-raw", "{}"]
    assert "Authorization: Bearer $POLYTOMIC_API_KEY" in words
    assert f"X-Polytomic-Version: {API_VERSIONS[0]}" in words


def test_the_curl_command_of_a_long_query_has_it_in_the_body():
    words = shlex.split(
        Polytomic.curl(spec("é" * 900), "background", "https://x.example/")
    )
    assert words[1] == f"https://x.example{SUBMIT}"
    assert words[-1] == '{"query": "' + "é" * 900 + '"}'
