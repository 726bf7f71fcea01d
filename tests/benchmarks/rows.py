"""Log rows as Coralogix sends them: about 850 bytes and 60 columns, in four shapes, the same every time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

START = datetime(2026, 6, 19, tzinfo=UTC)
SEVERITIES = ("1", "3", "3", "3", "3", "3", "4", "4", "5", "6")
SERVICES = (
    "cart",
    "checkout",
    "search",
    "payment",
    "login",
    "mail",
    "stock",
    "gateway",
)
COUNTRIES = ("DE", "FR", "IL", "US", "GB", "JP", "BR", "IN", "ZA", "SE")
METHODS = ("GET", "GET", "GET", "POST", "PUT", "DELETE")
STATUSES = (200, 200, 200, 200, 201, 204, 301, 400, 404, 500, 503)
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64)",
    "curl/8.7.1",
    "okhttp/4.12",
    "kube-probe/1.30",
)


def wire_rows(count: int) -> Iterator[bytes]:
    """Each row as its JSON text, as it stands in the answer's list of results."""
    encode = msgspec.json.Encoder().encode
    chance = random.Random(20260619)
    for n in range(count):
        yield encode(_record(n, chance, encode))


def _record(n: int, chance: random.Random, encode: Any) -> dict[str, Any]:
    service = chance.choice(SERVICES)
    moment = START + timedelta(milliseconds=86 * n)
    metadata = {
        "timestamp": f"{moment:%Y-%m-%dT%H:%M:%S.%f}000",
        "severity": chance.choice(SEVERITIES),
        "logid": f"{chance.getrandbits(128):032x}",
    }
    labels = {"applicationname": "shop", "subsystemname": service}
    return {
        "metadata": [{"key": key, "value": value} for key, value in metadata.items()],
        "labels": [{"key": key, "value": value} for key, value in labels.items()],
        "userData": encode(_body(n, service, chance)).decode(),
    }


def _body(n: int, service: str, chance: random.Random) -> dict[str, Any]:
    status = chance.choice(STATUSES)
    path = f"/{service}/{chance.randrange(400)}"
    body: dict[str, Any] = {
        "n": n,
        "message": f"{service} answered {status} for {path} of customer {chance.randrange(90_000)}",
        "request": {
            "method": chance.choice(METHODS),
            "path": path,
            "status": status if n % 5 else str(status),  # a type that drifts
            "duration_ms": round(chance.expovariate(1 / 40), 3),
            "bytes": chance.randrange(100_000),
        },
        "user": {"id": chance.randrange(90_000), "country": chance.choice(COUNTRIES)},
        "kubernetes": {
            "pod": f"{service}-{chance.randrange(12)}",
            "node": f"node-{chance.randrange(9)}",
            "labels": {
                "app": service,
                "version": f"1.{n // 400_000}.{chance.randrange(4)}",
            },
        },
        "trace": f"{chance.getrandbits(64):016x}",
    }
    body |= _SHAPES[chance.randrange(len(_SHAPES))](n, chance)
    return body


def _web(n: int, chance: random.Random) -> dict[str, Any]:
    return {
        "http": {
            "host": "shop.example.com",
            "agent": chance.choice(AGENTS),
            "protocol": "HTTP/2",
            "referer": f"https://shop.example.com/c/{chance.randrange(60)}",
        },
        "cache": {"hit": n % 3 > 0, "age": chance.randrange(900), "tier": "edge"},
        "geo": {
            "lat": round(chance.uniform(-60, 70), 4),
            "lon": round(chance.uniform(-170, 170), 4),
        },
        "tags": ["web", f"ab-{n % 4}"],
    }


def _database(_: int, chance: random.Random) -> dict[str, Any]:
    return {
        "db": {
            "statement": f"SELECT * FROM orders WHERE customer = {chance.randrange(90_000)}",
            "rows": chance.randrange(500),
            "ms": round(chance.expovariate(1 / 8), 3),
            "pool": {"size": 20, "used": chance.randrange(21), "waiting": 0},
            "name": "orders",
            "replica": chance.random() < 0.3,
        },
        "retries": chance.randrange(3),
    }


def _order(n: int, chance: random.Random) -> dict[str, Any]:
    total = chance.randrange(100, 90_000)
    return {
        "order": {
            "id": 2**53 + n,
            "total": total / 100,
            "currency": "EUR",
            "items": chance.randrange(1, 9),
            "coupon": None if n % 4 else "SPRING",
            "address": {
                "city": f"City {chance.randrange(300)}",
                "zip": f"{chance.randrange(99_999):05}",
            },
        },
        "payment": {
            "kind": "card",
            "brand": "VISA" if n % 2 else "MC",
            "approved": n % 50 > 0,
        },
    }


def _error(n: int, chance: random.Random) -> dict[str, Any]:
    return {
        "error": {
            "kind": "TimeoutError",
            "code": chance.randrange(1_000, 1_020),
            "stack": f"at Shop.call (line {chance.randrange(900)}) at Shop.main (line {n % 77})",
            "fatal": n % 90 == 0,
        },
        "host": {
            "name": f"host-{chance.randrange(40)}",
            "load": round(chance.random() * 8, 2),
            "cores": 8,
        },
        "queue": {
            "name": "mail",
            "length": chance.randrange(4_000),
            "lag_s": chance.randrange(90),
        },
        "feature": {"dark": n % 2 == 0, "beta": n % 7 == 0},
    }


_SHAPES = (_web, _database, _order, _error)
