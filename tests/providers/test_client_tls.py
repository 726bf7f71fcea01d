"""The client over TLS: certificates, strangers, hanging up."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from queries.providers import transport
from queries.providers.client import ApiCall, Client, Policy
from queries.providers.credentials import BearerAuthorization, Secret
from queries.providers.errors import (
    CallStoppedError,
    UnavailableError,
)
from tests.providers.keys import CANARY
from tests.scripted_server import STALL, Reply, Upstream, json_reply

GET = ApiCall("GET", "/x")
POST = ApiCall("POST", "/x", {"query": "ünï"})


def self_signed() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return key, certificate


@pytest.fixture
def tls_files(tmp_path):
    key, certificate = self_signed()
    files = tmp_path / "cert.pem", tmp_path / "key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


@pytest.fixture
def tls_upstream(tls_files):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*tls_files)
    with Upstream(tls=context) as server:
        yield server


def test_a_certificate_nobody_vouches_for_is_refused(make_client, tls_upstream):
    client = make_client(tls_upstream.origin, upstream_hosts={tls_upstream.host_port})
    with pytest.raises(UnavailableError) as refused:
        client.send(POST)
    assert refused.value.code == "certificate"
    assert not refused.value.retryable
    assert not refused.value.may_have_been_received
    assert tls_upstream.requests == []


def test_a_server_that_does_not_speak_tls_is_said_so(make_client, upstream):
    upstream.on("*", Reply(raw=[b"HTTP/1.1 400 Bad Request\r\n\r\n"]))
    client = make_client(f"https://{upstream.host_port}")
    with pytest.raises(UnavailableError) as refused:
        client.send(POST)
    assert refused.value.code == "tls"
    assert not refused.value.may_have_been_received


def test_over_tls_calls_work_and_can_be_hung_up(tls_upstream, tls_files):
    tls_upstream.on("/x", json_reply({"ok": 1}))
    tls_upstream.on("/slow", Reply(parts=[b"first", STALL]))
    client = Client(
        tls_upstream.origin,
        BearerAuthorization(Secret(CANARY)),
        Policy(upstream_hosts={tls_upstream.host_port}),
        tls_files[0].read_text(),
    )
    assert client.send(GET).json_object() == {"ok": 1}
    pieces = iter(client.stream(ApiCall("GET", "/slow")))
    assert next(pieces) == b"first"
    timer = threading.Timer(0.05, client.abort)
    timer.start()
    with pytest.raises(CallStoppedError):
        next(pieces)
    timer.join()
    client.close()


def test_who_trusts_an_authority_of_their_own_trusts_no_other(tls_files):
    own = transport.tls_context(tls_files[0].read_text())
    assert own.cert_store_stats()["x509"] == 1
    assert own.verify_mode is ssl.CERT_REQUIRED
    assert own.check_hostname
    assert transport.tls_context(tls_files[0].read_text()) is own


def test_one_tls_context_serves_the_whole_process():
    assert transport.tls_context() is transport.tls_context()
    assert transport.tls_context().verify_mode is ssl.CERT_REQUIRED
    assert transport.tls_context().check_hostname
