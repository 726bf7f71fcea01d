"""Check addresses: endpoints as users enter them, and the IP addresses that names resolve to.

Two checks. `validate_endpoint` checks the text of an endpoint when it is entered and before each use. `resolve_host`
checks what a name resolves to when connecting, and returns the addresses to connect to, so that no second
look-up can return others.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from queries.providers.errors import (
    AddressRefusedError,
    UnavailableError,
    UpstreamTimeoutError,
)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_PORTS = {"https": 443, "http": 80}
_HOST_NAME = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*"
)
_PLAIN_PATH = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?")
_ODD_CHARACTERS = re.compile(r"[\s\\\x00-\x20\x7f-\x9f]")
# `is_global` of Python 3.11 says yes to each of these; all lead, or may lead, into a private network.
_NEVER_PUBLIC = tuple(
    ipaddress.ip_network(network)
    for network in (
        "192.0.0.0/24",  # IETF protocol assignments
        "64:ff9b::/96",  # NAT64: any IPv4 address inside
        "64:ff9b:1::/48",  # local-use NAT64
        "2002::/16",  # 6to4
        "2001::/32",  # Teredo
    )
)
_PRIVATE = tuple(
    ipaddress.ip_network(network)
    for network in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "fc00::/7",
    )
)


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port: where a key may be sent."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + (
            "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        )


def is_public(address: Address) -> bool:
    """Return whether an address belongs to the open Internet, however it is embedded."""
    address = _unwrapped(address)
    if address.is_multicast or any(address in network for network in _NEVER_PUBLIC):
        return False
    return address.is_global


def is_permitted(
    address: Address, origin: Origin, upstream_hosts: Collection[str]
) -> bool:
    """Return whether we may connect to an address on behalf of an origin.

    Allow-listed origins may also be at loopback or private addresses, never at link-local ones (cloud metadata).
    Plain http is allowed to loopback only.
    """
    inner = _unwrapped(address)
    if origin.scheme == "http":
        return is_allowlisted(origin, upstream_hosts) and inner.is_loopback
    if is_public(address):
        return True
    return is_allowlisted(origin, upstream_hosts) and (
        inner.is_loopback or any(inner in network for network in _PRIVATE)
    )


def is_allowlisted(origin: Origin, upstream_hosts: Collection[str]) -> bool:
    """Return whether an origin is among the allowed `host[:port]` values. Without a port, every port is meant."""
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    wanted = {origin.host, host, f"{host}:{origin.port}"}
    return any(value.strip().lower() in wanted for value in upstream_hosts)


def validate_endpoint(
    url: str,
    upstream_hosts: Collection[str] = (),
    known_hosts: Collection[str] | None = None,
    *,
    with_path: bool = False,
) -> str:
    """Check an endpoint and give its origin, like "https://api.eu1.coralogix.com".

    `with_path`: it may go on with a plain path, which is not part of the origin.
    `upstream_hosts` are the administrator's allowed `host[:port]` values. With `known_hosts`, the provider's own hosts,
    nothing but those and the allowed ones is accepted; without, any public host over https at port 443 is.
    Raises AddressRefusedError whose `code` and text give the reason.
    """
    origin = parse_origin(url, with_path=with_path)
    if is_allowlisted(origin, upstream_hosts):
        if origin.scheme == "http" and not _names_loopback(origin.host):
            raise _refusal(
                "scheme",
                "Only addresses on this machine may be reached over http; use https.",
            )
        return str(origin)
    _check_public(origin)
    if known_hosts is not None and origin.host not in known_hosts:
        raise _refusal(
            "host",
            "This host is not one of the provider's, nor one the administrator has allowed.",
        )
    return str(origin)


def parse_origin(url: str, *, with_path: bool = False) -> Origin:
    """Take an endpoint apart. Raises AddressRefusedError for anything but scheme, host, port and an allowed path."""
    text = url.strip()
    if not text or _ODD_CHARACTERS.search(text):
        raise _refusal("malformed", "This is not a web address.")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise _refusal("malformed", "This is not a web address.") from None
    scheme = _checked_scheme(parts)
    _check_path(parts.path, text, with_path=with_path)
    return Origin(
        scheme,
        _checked_host(parts.hostname or ""),
        _PORTS[scheme] if port is None else port,
    )


def resolve_host(
    origin: Origin, upstream_hosts: Collection[str], timeout: float
) -> list[str]:
    """Look a host up once and give the addresses to connect to, all of them permitted.

    Raises AddressRefusedError if any address is not permitted, UnavailableError if there is none.
    """
    found = _look_up(origin, timeout)
    addresses = [ipaddress.ip_address(text) for text in dict.fromkeys(found)]
    if not addresses:
        raise UnavailableError(
            "The host name could not be found.", code="name_not_found"
        )
    if not all(is_permitted(address, origin, upstream_hosts) for address in addresses):
        raise _refusal("address", "The host leads to an address that is not allowed.")
    return [str(address) for address in addresses]


def _look_up(origin: Origin, timeout: float) -> list[str]:
    # The system's look-up knows no time limit, so it gets a thread that may be left behind.
    found: list[str] = []

    def ask() -> None:
        try:
            infos = socket.getaddrinfo(
                origin.host, origin.port, type=socket.SOCK_STREAM
            )
        except (OSError, UnicodeError):
            return
        found.extend(str(info[4][0]) for info in infos)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(timeout)
    if thread.is_alive():
        raise UpstreamTimeoutError(
            "The host name could not be looked up in time.", code="name_timeout"
        )
    return list(found)


def _unwrapped(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _checked_scheme(parts: SplitResult) -> str:
    if parts.scheme not in _PORTS or not parts.netloc:
        raise _refusal("scheme", "The address must begin with https://.")
    if "@" in parts.netloc:
        raise _refusal(
            "user_info", "The address must not contain a user name or password."
        )
    return parts.scheme


def _check_path(path: str, text: str, *, with_path: bool) -> None:
    if with_path and (not _PLAIN_PATH.fullmatch(path) or "?" in text or "#" in text):
        raise _refusal(
            "path", "The address may go on with a plain path only, such as /v2."
        )
    if not with_path and (path not in {"", "/"} or "?" in text or "#" in text):
        raise _refusal(
            "path", "Give the address without a path: only https:// and the host."
        )


def _checked_host(host: str) -> str:
    host = host.lower().removesuffix(".")
    if ":" in host:
        address = _literal(host)
        if address is None or "%" in host:
            raise _refusal("malformed", "This is not a web address.")
        return str(address)
    if not _HOST_NAME.fullmatch(host):
        raise _refusal(
            "malformed",
            "The host's name contains characters that host names do not have.",
        )
    return host


def _check_public(origin: Origin) -> None:
    if origin.scheme != "https":
        raise _refusal("scheme", "The address must begin with https://.")
    if origin.port != _PORTS["https"]:
        raise _refusal("port", "Only the standard port 443 may be used.")
    address = _literal(origin.host)
    if address is None and not _is_public_name(origin.host):
        raise _refusal("address", "This address is not on the public Internet.")
    if address is not None and not is_public(address):
        raise _refusal("address", "This address is not on the public Internet.")


def _is_public_name(host: str) -> bool:
    # "127.1", "0x7f000001" and "2130706433" are addresses in disguise: the resolver understands them.
    return (
        "." in host
        and not re.fullmatch(r"0x[0-9a-f]*|[0-9]+", host.rpartition(".")[2])
        and not _names_loopback(host)
    )


def _names_loopback(host: str) -> bool:
    address = _literal(host)
    if address is not None:
        return _unwrapped(address).is_loopback
    return host == "localhost" or host.endswith(".localhost")


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _refusal(reason: str, message: str) -> AddressRefusedError:
    return AddressRefusedError(message, code=f"endpoint_{reason}")
