"""Addresses, ways of signing in, certificates, the test of a connection, and timelines beforehand."""

from __future__ import annotations

import base64
import ssl
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import serialization

from queries.providers.base import QuerySpec
from queries.providers.client import Policy
from queries.providers.credentials import Secret
from queries.providers.errors import AddressRefusedError, AuthenticationError
from queries.providers.registry import create_provider, validated_origin
from queries.providers.saf.certificates import MAX_CERTIFICATE_CHARACTERS, normalize_pem
from queries.providers.saf.provider import SearchAnywhere
from tests.providers.keys import CANARY
from tests.providers.saf.conftest import ROOT
from tests.providers.test_client_tls import self_signed
from tests.scripted_server import Reply, Upstream, json_reply

TASKS = json_reply({"tasks": [{"id": "1", "status": "DONE"}]})
SPEC = QuerySpec("source x", {}, datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))  # fmt: skip


def pem_and_key() -> tuple[str, bytes]:
    key, certificate = self_signed()
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )  # fmt: skip


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("https://saf.example.com", "https://saf.example.com"),
        ("https://saf.example.com/", "https://saf.example.com"),
        ("https://saf.example.com/opensearch", "https://saf.example.com"),
        ("https://SAF.example.com:9200/a/b/", "https://saf.example.com:9200"),
        (" https://10.1.2.3:9200 ", "https://10.1.2.3:9200"),
    ],
)
def test_an_allowed_host_may_have_any_port_and_a_path(address, origin):
    allowed = {"saf.example.com", "10.1.2.3"}
    assert validated_origin("saf", {"address": address}, allowed) == origin


@pytest.mark.parametrize(
    "address",
    ["https://saf.example.com", "https://saf.example.com:9200", "https://coralogix.com", "", "saf.example.com"],
)  # fmt: skip
def test_no_host_is_known_without_the_administrator(address):
    with pytest.raises(AddressRefusedError):
        validated_origin("saf", {"address": address}, ())


@pytest.mark.parametrize(
    "rest", ["/../x", "/a/./b", "/a//b", "/a?b=c", "/a#b", "/a b", "/%2e%2e", ":notaport", "/a/../../b"]
)  # fmt: skip
def test_a_path_that_is_not_plain_is_refused(rest):
    with pytest.raises(AddressRefusedError):
        validated_origin("saf", {"address": f"https://saf.example.com{rest}"}, {"saf.example.com"})  # fmt: skip


@pytest.mark.parametrize("path", ["/opensearch", "/a/b/"])
def test_the_path_stands_before_every_call(make_provider, upstream, path):
    upstream.on("*", TASKS)
    provider = make_provider(path)
    provider.list_jobs()
    upstream.on("*", json_reply({"results": []}))
    with provider.rows("1"):
        pass
    before = path.rstrip("/")
    assert upstream.paths() == [f"{before}{ROOT}/status/", f"{before}{ROOT}/response/1"]


@pytest.mark.parametrize(
    ("options", "header"),
    [
        ({"auth": "bearer"}, f"Bearer {CANARY}"),
        ({"auth": "apikey"}, f"ApiKey {CANARY}"),
        (
            {"auth": "basic", "user": " anna "},
            "Basic " + base64.b64encode(f"anna:{CANARY}".encode()).decode(),
        ),
    ],
)
def test_each_way_of_signing_in_has_its_header(
    make_provider, upstream, options, header
):
    upstream.on("*", TASKS)
    make_provider(**options).list_jobs()
    assert upstream.requests[0].headers["authorization"] == header


def test_a_password_needs_a_user_name():
    assert [problem.field for problem in SearchAnywhere.option_problems({"auth": "basic"})] == ["user"]  # fmt: skip
    assert [problem.field for problem in SearchAnywhere.option_problems({})] == ["user"]
    for fine in ({"auth": "bearer"}, {"auth": "basic", "user": "anna"}):
        assert SearchAnywhere.option_problems(fine) == []
    with pytest.raises(AuthenticationError):
        SearchAnywhere.authorization(Secret("x"), {"auth": "basic"}).headers()


def test_the_authority_that_was_pasted_is_the_one_that_is_trusted(tmp_path):
    pem, key = pem_and_key()
    (tmp_path / "cert").write_text(pem)
    (tmp_path / "key").write_bytes(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    other, _ = pem_and_key()
    with Upstream(tls=context) as server:
        server.on("*", TASKS)

        def tested(certificate):
            options = {"address": server.origin, "auth": "bearer", "ca_certificate": certificate}  # fmt: skip
            policy = Policy(upstream_hosts={server.host_port})
            with create_provider("saf", CANARY, options, origin=server.origin, policy=policy) as provider:  # fmt: skip
                return provider.test()

        assert tested(pem).ok
        assert tested(pem.replace("\n", "\r\n") + other).ok
        for refused in ("", other):
            result = tested(refused)
            assert result.error_code == "certificate"
            assert "paste" in result.remedy
        assert len(server.requests) == 2


def test_a_certificate_survives_what_forms_do_to_line_ends():
    pem, _ = pem_and_key()
    for pasted in (pem, pem.replace("\n", "\r\n"), pem.replace("\n", " "), f"my own:\n{pem}\n"):  # fmt: skip
        assert normalize_pem(pasted).strip() == pem.strip()
        assert SearchAnywhere.option_problems({"auth": "bearer", "ca_certificate": pasted}) == []  # fmt: skip
    assert SearchAnywhere.trusted_certificates({}) == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hello", "not a certificate"),
        (
            "-----BEGIN CERTIFICATE-----\nhello\n-----END CERTIFICATE-----",
            "not a certificate",
        ),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
            "not a certificate",
        ),
        ("-----BEGIN CERTIFICATE-----", "not a certificate"),
        (pem_and_key()[1].decode(), "private key"),
        ("x" * (MAX_CERTIFICATE_CHARACTERS + 1), "longer than"),
    ],
    ids=["text", "letters", "nonsense", "half", "key", "long"],
)
def test_what_is_no_certificate_is_said_before_anything_is_sent(text, words):
    [problem] = SearchAnywhere.option_problems({"auth": "bearer", "ca_certificate": text})  # fmt: skip
    assert problem.field == "ca_certificate"
    assert words in problem.message


@pytest.mark.parametrize(
    ("tasks", "words"),
    [([], "no task"), ([{"id": "1", "status": "DONE"}], "one task"), ([{"id": str(n), "status": "DONE"} for n in range(7)], "7 tasks")],
)  # fmt: skip
def test_a_connection_is_tested_with_one_cheap_call(provider, upstream, tasks, words):
    upstream.on("*", json_reply({"tasks": tasks}))
    result = provider.test()
    assert result.ok
    assert words in result.message
    assert [(r.method, r.target) for r in upstream.requests] == [("GET", f"{ROOT}/status/")]  # fmt: skip


def test_a_test_that_fails_says_what_to_do(provider, upstream):
    reason = "no permissions for [cluster:monitor/sme/async_requests] and User [x]"
    upstream.on("*", json_reply({"error": {"type": "security_exception", "reason": reason}}, 403))  # fmt: skip
    result = provider.test()
    assert not result.ok
    assert result.permission == "cluster:monitor/sme/async_requests"
    assert result.remedy
    upstream.on("*", json_reply({"error": "no handler found for uri [/]"}, 400))
    assert "address" in provider.test().remedy


def test_deleting_uses_its_own_verb_and_any_success_counts(provider, upstream):
    for reply in (Reply(), json_reply({"acknowledged": "true"}), Reply(204)):
        upstream.on("*", reply)
        assert provider.delete("12345") is None
        assert provider.cancel("12345") is None
    assert upstream.requests[0].method == "DELETE"
    assert upstream.requests[0].path == f"{ROOT}/delete/12345"
    assert upstream.requests[1].method == "POST"
