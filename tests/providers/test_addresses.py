"""Which endpoints and addresses are let through."""

from __future__ import annotations

import ipaddress
import socket
import threading

import pytest

from queries.providers.addresses import (
    Origin,
    is_public,
    parse_origin,
    resolve_host,
    validate_endpoint,
)
from queries.providers.errors import (
    AddressRefusedError,
    UnavailableError,
    UpstreamTimeoutError,
)

PRIVATE = [
    "127.0.0.1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "192.0.0.8",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2001:0:53aa:64c:0:1:2:3",
    "fd00:ec2::254",
    "fe80::1",
    "ff02::1",
]
PUBLIC = ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("text", PRIVATE)
def test_an_address_off_the_open_internet_is_not_public(text):
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_an_address_of_the_open_internet_is_public(text):
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "malformed"),
        ("   ", "malformed"),
        ("https://exa mple.com", "malformed"),
        ("https://example.com\\@evil.com", "malformed"),
        ("https://example.com\r\nHost: evil.com", "malformed"),
        ("https://[::1", "malformed"),
        ("https://example.com:99999", "malformed"),
        ("https://example.com:port", "malformed"),
        ("https://ex%61mple.com", "malformed"),
        ("https://exämple.com", "malformed"),
        ("https://[fe80::1%25eth0]", "malformed"),
        ("https://-bad.example.com", "malformed"),
        ("https://a..b.com", "malformed"),
        ("https://:443", "malformed"),
        ("example.com", "scheme"),
        ("ftp://example.com", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("javascript:alert(1)", "scheme"),
        ("https:", "scheme"),
        ("http://example.com", "scheme"),
        ("https://me@example.com", "user_info"),
        ("https://me:pw@example.com", "user_info"),
        ("https://api.eu1.coralogix.com@evil.com", "user_info"),
        ("https://example.com/api", "path"),
        ("https://example.com/..", "path"),
        ("https://example.com//evil.com", "path"),
        ("https://example.com?", "path"),
        ("https://example.com?x=1", "path"),
        ("https://example.com#", "path"),
        ("https://example.com:8443", "port"),
        ("https://example.com:80", "port"),
        ("https://localhost", "address"),
        ("https://api.localhost", "address"),
        ("https://intranet", "address"),
        ("https://2130706433", "address"),
        ("https://0x7f000001", "address"),
        ("https://127.1", "address"),
        ("https://0177.0.0.1", "address"),
        ("https://1.2.3.0x4", "address"),
        *(
            (f"https://[{a}]" if ":" in a else f"https://{a}", "address")
            for a in PRIVATE
        ),
    ],
)
def test_an_endpoint_that_is_not_fit_is_refused_with_its_reason(url, reason):
    with pytest.raises(AddressRefusedError) as refused:
        validate_endpoint(url)
    assert refused.value.code == f"endpoint_{reason}"
    assert not refused.value.retryable


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://api.eu1.coralogix.com", "https://api.eu1.coralogix.com"),
        (" https://API.EU1.Coralogix.com/ ", "https://api.eu1.coralogix.com"),
        ("https://api.eu1.coralogix.com.:443", "https://api.eu1.coralogix.com"),
        ("HTTPS://example.de", "https://example.de"),
        ("https://8.8.8.8", "https://8.8.8.8"),
        ("https://[2001:4860:4860:0::8888]", "https://[2001:4860:4860::8888]"),
    ],
)
def test_a_public_endpoint_is_reduced_to_its_origin(url, origin):
    assert validate_endpoint(url) == origin


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://127.0.0.1:8801", "127.0.0.1:8801"),
        ("http://127.0.0.1:8801", "127.0.0.1"),
        ("http://localhost:8801", "LOCALHOST:8801"),
        ("http://[::1]:8801", "[::1]:8801"),
        ("https://[::1]", "::1"),
        ("https://10.1.2.3:9200", "10.1.2.3:9200"),
        ("https://search.internal", "search.internal"),
        ("https://search.internal:8443", " search.internal "),
    ],
)
def test_the_administrator_can_allow_a_host(url, allowed):
    assert validate_endpoint(url, [allowed], known_hosts=()) == url


@pytest.mark.parametrize(
    ("url", "allowed", "reason"),
    [
        ("http://127.0.0.1:8802", "127.0.0.1:8801", "scheme"),
        ("http://search.internal", "search.internal", "scheme"),
        ("http://10.1.2.3", "10.1.2.3", "scheme"),
        ("https://10.1.2.3:9201", "10.1.2.3:9200", "port"),
        ("https://evil-search.internal:1", "search.internal", "port"),
        ("https://x.search.internal.evil.com:1", "search.internal", "port"),
    ],
)
def test_what_is_allowed_is_that_host_and_nothing_like_it(url, allowed, reason):
    with pytest.raises(AddressRefusedError) as refused:
        validate_endpoint(url, [allowed])
    assert refused.value.code == f"endpoint_{reason}"


def test_with_known_hosts_no_other_public_host_is_accepted():
    assert (
        validate_endpoint("https://api.example.com", (), {"api.example.com"})
        == "https://api.example.com"
    )
    with pytest.raises(AddressRefusedError) as refused:
        validate_endpoint("https://evil.example.com", (), {"api.example.com"})
    assert refused.value.code == "endpoint_host"


def found(monkeypatch, *addresses):
    infos = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))
        for address in addresses
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: infos)


def test_a_name_gives_all_its_addresses_once(monkeypatch):
    found(monkeypatch, "8.8.8.8", "8.8.8.8", "2001:4860:4860::8888")
    assert resolve_host(parse_origin("https://api.example.com"), (), 1) == [
        "8.8.8.8",
        "2001:4860:4860::8888",
    ]


@pytest.mark.parametrize("bad", PRIVATE)
def test_one_bad_address_among_good_ones_is_enough_to_refuse(monkeypatch, bad):
    found(monkeypatch, "8.8.8.8", bad)
    with pytest.raises(AddressRefusedError) as refused:
        resolve_host(parse_origin("https://api.example.com"), (), 1)
    assert bad not in str(refused.value)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "fd00::1", "192.168.3.4", "100.64.0.1", "8.8.8.8"],
)
def test_an_allowed_name_may_lead_to_a_private_address(monkeypatch, address):
    found(monkeypatch, address)
    assert resolve_host(
        parse_origin("https://search.internal"), ["search.internal"], 1
    ) == [address]


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "fe80::1", "0.0.0.0", "224.0.0.1", "64:ff9b::a9fe:a9fe"],
)
def test_even_an_allowed_name_may_not_lead_to_cloud_metadata_and_the_like(
    monkeypatch, address
):
    found(monkeypatch, address)
    with pytest.raises(AddressRefusedError):
        resolve_host(parse_origin("https://search.internal"), ["search.internal"], 1)


@pytest.mark.parametrize("address", ["10.0.0.1", "8.8.8.8"])
def test_plain_http_leads_to_this_machine_only(monkeypatch, address):
    found(monkeypatch, address)
    with pytest.raises(AddressRefusedError):
        resolve_host(Origin("http", "localhost", 80), ["localhost"], 1)


def test_a_name_nobody_knows_is_said_to_be_unknown(monkeypatch):
    def fail(*_args, **_more):
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(UnavailableError) as missing:
        resolve_host(parse_origin("https://nowhere.example.com"), (), 1)
    assert missing.value.code == "name_not_found"


def test_a_slow_look_up_does_not_hold_the_call(monkeypatch):
    release = threading.Event()
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *_args, **_more: release.wait(5) and []
    )
    with pytest.raises(UpstreamTimeoutError) as late:
        resolve_host(parse_origin("https://slow.example.com"), (), 0.05)
    release.set()
    assert late.value.code == "name_timeout"


@pytest.mark.parametrize("path", ["", "/", "/v2", "/enterprise/v2", "/a.b/c_d~e-f/"])
def test_an_endpoint_may_go_on_with_a_plain_path_where_the_provider_says_so(path):
    given = f"https://api.example.com{path}"
    assert validate_endpoint(given, with_path=True) == "https://api.example.com"


@pytest.mark.parametrize(
    "path", ["/../x", "/./x", "//x", "/a//b", "/%2e%2e", "/x?y=1", "/x#y", "/é", "/a;b"]
)
def test_a_path_that_is_not_plain_is_refused_even_there(path):
    with pytest.raises(AddressRefusedError) as refused:
        validate_endpoint(f"https://api.example.com{path}", with_path=True)
    assert refused.value.code == "endpoint_path"
