"""Files made by the server: streamed, bounded, and never fetched from another address."""

from __future__ import annotations

import base64
import json

import pytest

from queries.providers.base import FileOptions
from queries.providers.errors import (
    AddressRefusedError,
    ConflictError,
    LimitExceededError,
    NotFoundError,
    QueryError,
    ResultsExpiredError,
    TruncatedStreamError,
    UnexpectedResponseError,
    UnsupportedOperationError,
)
from queries.providers.saf.files import safe_file_name
from tests.providers.keys import CANARY
from tests.providers.saf.conftest import ROOT
from tests.scripted_server import CUT, Reply, json_reply

PATH = f"{ROOT}/file_download/12345"
CSV = FileOptions("csv", "my file")
JSON = FileOptions("json", "my file")


def attached(body: bytes, name: str = "my file.csv", kind: str = "text/csv") -> Reply:
    return Reply(
        body=body,
        headers={
            "Content-Type": kind,
            "Content-Disposition": f'attachment; filename="{name}"',
        },
    )


def read(provider, options=CSV):
    with provider.make_file("12345", options) as file:
        return b"".join(file), file.name


def test_every_documented_option_is_sent(provider, upstream):
    upstream.on("*", attached(b"n\n1\n"))
    read(provider, FileOptions("xlsx", "my file", 1_000, True))
    read(provider, FileOptions("csv", "my file"))
    assert [(request.method, request.target) for request in upstream.requests] == [("POST", PATH)] * 2  # fmt: skip
    assert [request.json() for request in upstream.requests] == [
        {
            "file_name": "my file",
            "file_type": "xlsx",
            "compress_results": True,
            "download_all_results": False,
            "download_results_size": 1_000,
        },
        {
            "file_name": "my file",
            "file_type": "csv",
            "compress_results": False,
            "download_all_results": True,
        },
    ]


@pytest.mark.parametrize("options", [CSV, JSON])
def test_a_file_comes_as_it_is_in_pieces(provider, upstream, options):
    pieces = [b"[" + b" " * 70_000, b"1]"]
    kind = "application/json" if options is JSON else "application/octet-stream"
    upstream.on("*", Reply(parts=pieces, headers={"Content-Type": kind, "Content-Disposition": "Attachment"}))  # fmt: skip
    with provider.make_file("12345", options) as file:
        found = list(file)
    assert b"".join(found) == b"".join(pieces)
    assert len(found) > 1
    assert file.name == f"my file.{options.format}"


@pytest.mark.parametrize("body", [b'[{"n":1}]', b'{"n":1}\n{"n":2}\n', b'{"results":[]}'])  # fmt: skip
def test_json_that_is_not_said_to_be_attached_is_the_file_all_the_same(provider, upstream, body):  # fmt: skip
    upstream.on("*", Reply(body=body, headers={"Content-Type": "application/json"}))
    assert read(provider, JSON)[0] == body


def test_a_large_json_file_is_not_held_in_memory(make_provider, upstream):
    provider = make_provider(policy={"max_response_bytes": 1_000})
    body = json.dumps([{"n": n} for n in range(1_000)]).encode()
    upstream.on("*", Reply(body=body, headers={"Content-Type": "application/json"}))
    assert read(provider, JSON)[0] == body
    with pytest.raises(LimitExceededError):
        read(provider, CSV)


@pytest.mark.parametrize("name", ["content", "file_content", "fileContent", "file", "base64"])  # fmt: skip
def test_a_file_inside_json_is_unpacked(provider, upstream, name):
    binary = b"PK\x03\x04\x00\xff"
    upstream.on("*", json_reply({name: base64.b64encode(binary).decode()}))
    assert read(provider, FileOptions("xlsx", "x")) == (binary, "x.xlsx")
    upstream.on("*", json_reply({name: "n,m\n1,2\n"}))
    assert read(provider) == (b"n,m\n1,2\n", "my file.csv")


@pytest.mark.parametrize("name", ["url", "path", "download_url"])
@pytest.mark.parametrize("absolute", [True, False])
def test_a_file_elsewhere_on_the_same_server_is_fetched(provider, upstream, name, absolute):  # fmt: skip
    place = "/files/1.csv?token=a%20b"
    upstream.on(
        PATH, json_reply({name: upstream.origin + place if absolute else place})
    )
    upstream.on("/files/1.csv", attached(b"n\n", "1.csv"))
    assert read(provider) == (b"n\n", "1.csv")
    assert upstream.requests[1].target == place
    assert upstream.requests[1].headers["authorization"] == f"Bearer {CANARY}"


@pytest.mark.parametrize(
    "place",
    ["https://evil.example.com/x", "//evil.example.com/x", "http://127.0.0.1:9/x", "file:///etc/passwd", "/a/../b", "x.csv", "", "/a b"],
)  # fmt: skip
def test_a_file_anywhere_else_is_not_fetched(provider, upstream, place):
    upstream.on(PATH, json_reply({"url": place}))
    with pytest.raises((AddressRefusedError, UnexpectedResponseError)) as refused:
        read(provider)
    assert len(upstream.requests) == 1
    assert "evil" not in str(refused.value)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(404), ResultsExpiredError),
        (Reply(409), ConflictError),
        (json_reply({"error": {"type": "illegal_state_exception", "reason": "no"}, "status": 409}), ConflictError),
        (json_reply({"error": f"broken {CANARY}"}), QueryError),
        (json_reply({"acknowledged": True}), UnexpectedResponseError),
        (json_reply("text"), UnexpectedResponseError),
        (Reply(body=b"{", headers={"Content-Type": "application/json"}), UnexpectedResponseError),
    ],
)  # fmt: skip
def test_what_is_no_file_is_an_error(provider, upstream, reply, kind):
    upstream.on("*", reply)
    with pytest.raises(kind) as refused:
        read(provider)
    assert CANARY not in str(refused.value)


def test_a_place_that_is_gone_is_an_error(provider, upstream):
    upstream.on(PATH, json_reply({"url": "/files/1"}))
    upstream.on("/files/1", Reply(404))
    with pytest.raises((NotFoundError, ResultsExpiredError)):
        read(provider)


def test_a_file_that_breaks_off_is_not_taken_for_a_whole_one(provider, upstream):
    upstream.on("*", Reply(parts=[b"n\n1\n", CUT], headers={"Content-Type": "text/csv"}))  # fmt: skip
    with provider.make_file("12345", CSV) as file, pytest.raises(TruncatedStreamError):
        list(file)


def test_a_file_of_another_format_is_not_asked_for(provider, upstream):
    with pytest.raises(UnsupportedOperationError):
        read(provider, FileOptions("parquet", "x"))
    assert upstream.requests == []


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("../../etc/passwd", "etc_passwd"),
        ('a"b\r\nc', "a_b c"),
        ("", "result"),
        ("...", "result"),
        ("Ошибки (1)", "Ошибки (1)"),
        ("x" * 300, "x" * 119 + "_"),
    ],
)
def test_a_name_is_one_everywhere(given, name):
    assert safe_file_name(given).rstrip("_") == name.rstrip("_")


def test_the_name_the_server_tells_is_made_harmless(provider, upstream):
    upstream.on("*", attached(b"x", "../../x.csv"))
    assert read(provider)[1] == "x.csv"
