"""Links that came with an answer: followed on the connection's own origin, exactly as given, or not at all."""

from __future__ import annotations

import pytest

from queries.providers.client import ApiCall
from queries.providers.errors import AddressRefusedError
from queries.providers.links import Link, resolve_link
from tests.scripted_server import json_reply

ORIGIN = "https://app.example.com"


@pytest.mark.parametrize(
    ("link", "path", "query"),
    [
        ("/api/q/1?page=MQ%3D%3D", "/api/q/1", "page=MQ%3D%3D"),
        ("/api/q/1", "/api/q/1", ""),
        (f"{ORIGIN}/api/q/1?page=a&x=%2F+%2f", "/api/q/1", "page=a&x=%2F+%2f"),
        ("https://APP.example.com:443/api?p=1", "/api", "p=1"),
        ("HTTPS://app.example.com./api?p='(1)*;,", "/api", "p='(1)*;,"),
    ],
)
def test_a_link_to_the_same_origin_is_taken_as_it_is(link, path, query):
    assert resolve_link(link, ORIGIN, "Them") == Link(path, query)


@pytest.mark.parametrize(
    "link",
    [
        "//evil.example.com/api?page=1",
        "///evil.example.com/api",
        "/\\evil.example.com/api",
        "\\\\evil.example.com/api",
        "https://evil.example.com/api?page=1",
        "https://app.example.com.evil.com/api",
        "https://app.example.com:8443/api",
        "https://app.example.com:443@evil.com/api",
        "https://user@app.example.com/api",
        "https://user:word@app.example.com/api",
        "http://app.example.com/api",
        "ftp://app.example.com/api",
        "https:/app.example.com/api",
        "https:app.example.com/api",
        "https://app.example.com",
        "https://app.example.com?page=1",
        "https://app.example.com:port/api",
        "https://[::1/api",
        "/api/../me",
        "/api/..",
        "/api/%2e%2E/me",
        "/api/./me",
        "/api//me/..",
        "/api?page=1#top",
        "/api?page=a b",
        "/api?page=\u00e9",
        "/api?page=1\r\nHost: evil.example.com",
        "/api\x00",
        "api/q/1?page=1",
        "?page=1",
        "",
        " /api",
        "javascript:alert(1)",
        "/" + "a" * 8_000,
    ],
)
def test_every_trick_is_refused_and_the_link_is_not_repeated(link):
    with pytest.raises(AddressRefusedError) as refused:
        resolve_link(link, ORIGIN, "Them")
    assert refused.value.code == "link_refused"
    assert not refused.value.retryable
    assert "evil" not in str(refused.value.as_dict())
    assert "page" not in str(refused.value.as_dict())


def test_an_origin_with_a_port_is_the_same_only_with_it():
    origin = "http://127.0.0.1:8765"
    assert resolve_link(f"{origin}/a?b=c", origin, "Them") == Link("/a", "b=c")
    with pytest.raises(AddressRefusedError):
        resolve_link("http://127.0.0.1/a", origin, "Them")
    with pytest.raises(AddressRefusedError):
        resolve_link("http://localhost:8765/a", origin, "Them")


def test_a_query_string_is_sent_letter_for_letter(client, upstream):
    upstream.on("*", json_reply({}))
    sent = "page=MQ%3D%3D&a='b+c%2fd;/?@:~!$()*,"
    client.send(ApiCall("GET", "/x", query=sent))
    assert upstream.requests[0].target == f"/x?{sent}"


@pytest.mark.parametrize(
    "query", ["a b", "a#b", "\u00e9", "a\nb", 'a"b', "a\\b", "a|b"]
)
def test_a_query_string_that_is_not_encoded_is_a_mistake_of_ours(client, query):
    with pytest.raises(ValueError, match="encoded"):
        client.send(ApiCall("GET", "/x", query=query))
