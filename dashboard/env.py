"""Settings from the environment: every variable that the product reads, typed, in one place.

``VARIABLES`` is the whole list; a test compares it with ``.env.example``, the README and the
compose file. Bad values end the process with a message that names the variable.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
LOCAL_SECRETS = BASE_DIR / "var" / "secrets.env"
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
MIN_SECRET_LENGTH = 50
MIN_SECRET_VARIETY = 10
PLACEHOLDERS = re.compile(r"change.?me|insecure|secret.?key|example|placeholder", re.I)

VARIABLES: dict[str, str] = {
    "SECRET_KEY": "Signs sessions and links. At least 50 random characters.",
    "QUERYDECK_FIELD_KEYS": "Comma-separated Fernet keys; the first encrypts, all decrypt.",
    "DATABASE_URL": "PostgreSQL in production; default is SQLite in the data directory.",
    "REDIS_URL": "Optional: shared cache, and the broker if QUERYDECK_BROKER is redis.",
    "QUERYDECK_BROKER": "orm (default) or redis: what carries the wake-ups of the worker.",
    "QUERYDECK_DATA_DIR": "Where results, exports and the SQLite file live. Default: var/data.",
    "QUERYDECK_ALLOWED_HOSTS": "Comma-separated host names the site answers to.",
    "QUERYDECK_UPSTREAM_HOSTS": "Extra host[:port] values a connection may point at.",
    "QUERYDECK_DEBUG": "Developer mode. Never in production.",
    "QUERYDECK_HTTPS": "Served over https (default true): secure cookies, HSTS, redirect.",
    "QUERYDECK_PROXY_COUNT": "How many trusted proxies stand in front. Default 0.",
    "QUERYDECK_WORKERS": "Worker processes of the django-q2 cluster. Default 4.",
    "QUERYDECK_DIRECT_RUNS": "Direct runs at once in each web process, half of them of one person. Default 8.",
    "QUERYDECK_DIRECT_MINUTES": "Minutes a direct run may take. Default 10.",
    "QUERYDECK_RESULT_THREADS": "Threads that read results at once in each process. Default 3.",
    "QUERYDECK_REFINES": "Refines at once in each web process, half of them of one person. Default 2.",
    "QUERYDECK_REFINE_SECONDS": "Seconds a refine may take. Default 120.",
    "QUERYDECK_REFINE_MEGABYTES": "Memory one refine may use. Default 1000.",
    "QUERYDECK_BACKGROUND_HOURS": "Hours a background run is watched. Default 24.",
    "QUERYDECK_MAX_ROWS": "Rows kept of one result. Default 10000000.",
    "QUERYDECK_MAX_MEGABYTES": "Megabytes received for one result. Default 20000.",
    "QUERYDECK_RESULT_MEGABYTES": "Disk all stored results together may use. Default 100000.",
    "QUERYDECK_RESULT_DAYS": "Days a result is kept after its run ended. Default 30.",
    "QUERYDECK_EXPORT_HOURS": "Hours a built export stays downloadable. Default 72.",
    "QUERYDECK_EXPORT_USER_MEGABYTES": "Disk one person's exports may use. Default 5000.",
    "QUERYDECK_EXPORT_MEGABYTES": "Disk all exports together may use. Default 20000.",
    "QUERYDECK_DOWNLOADS": "Files streamed at once by each web process, half of them to one person; 0: none. Default 2.",
    "QUERYDECK_DOWNLOAD_MINUTES": "Minutes one such stream may take. Default 30.",
    "QUERYDECK_LOG_LEVEL": "DEBUG, INFO (default), WARNING or ERROR.",
}

_env = environ.Env()


def load_local_secrets(path: Path = LOCAL_SECRETS) -> None:
    """Load secrets that ``python -m dashboard.secrets`` generated, unless they are set."""
    if path.is_file() and "SECRET_KEY" not in os.environ:
        environ.Env.read_env(path)


def boolean(name: str, *, default: bool) -> bool:
    """Return a yes/no variable: 1/0, true/false, yes/no, on/off."""
    value = os.environ.get(name, "").strip().lower()
    if not value:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} must be yes or no, not {value!r}.")


def integer(name: str, *, default: int, minimum: int = 0, maximum: int = 10_000) -> int:
    """Return an integer from ``minimum`` to ``maximum``."""
    value = os.environ.get(name, "").strip()
    if not value:
        return default
    if not value.isdecimal() or not minimum <= int(value) <= maximum:
        raise ImproperlyConfigured(
            f"{name} must be a whole number from {minimum} to {maximum}, not {value!r}."
        )
    return int(value)


def string_list(name: str) -> list[str]:
    """Return a comma-separated list, blanks removed."""
    return [
        word.strip() for word in os.environ.get(name, "").split(",") if word.strip()
    ]


def choice(name: str, *choices: str) -> str:
    """Return one of ``choices``; the first is the default."""
    value = os.environ.get(name, "").strip().lower() or choices[0]
    if value not in choices:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(choices)}.")
    return value


def secret_key() -> str:
    """Return the signing secret. Refuses a missing, short, repetitive or placeholder value."""
    value = os.environ.get("SECRET_KEY", "")
    if not value:
        raise ImproperlyConfigured(
            "SECRET_KEY is not set. `make run` generates one; in production set it yourself."
        )
    weak = len(value) < MIN_SECRET_LENGTH or len(set(value)) < MIN_SECRET_VARIETY
    if weak or PLACEHOLDERS.search(value):
        raise ImproperlyConfigured(
            f"SECRET_KEY must be at least {MIN_SECRET_LENGTH} random characters, "
            "not a short or default value."
        )
    return value


def field_keys() -> list[str]:
    """Return the Fernet keys for stored API keys, newest first. Each must be valid and distinct."""
    keys = string_list("QUERYDECK_FIELD_KEYS")
    if not keys:
        raise ImproperlyConfigured(
            "QUERYDECK_FIELD_KEYS is not set. `make run` generates one; in production set it "
            "yourself and keep a copy: without it, stored API keys cannot be read."
        )
    for key in keys:
        _check_field_key(key)
    return keys


def _check_field_key(key: str) -> None:
    try:
        Fernet(key)
    except ValueError:
        raise ImproperlyConfigured(
            "QUERYDECK_FIELD_KEYS holds a value that is not a Fernet key "
            "(32 bytes, url-safe base64)."
        ) from None
    if len(set(key)) < MIN_SECRET_VARIETY or key == os.environ.get("SECRET_KEY"):
        raise ImproperlyConfigured(
            "QUERYDECK_FIELD_KEYS holds a default key or repeats SECRET_KEY."
        )


def allowed_hosts(*, debug: bool) -> list[str]:
    """Return the host names the site answers to. This machine's own always, for its health checks."""
    hosts = string_list("QUERYDECK_ALLOWED_HOSTS")
    if "*" in hosts and not debug:
        raise ImproperlyConfigured("QUERYDECK_ALLOWED_HOSTS must name hosts, not '*'.")
    return [*hosts, *LOOPBACK]


def upstream_hosts() -> list[str]:
    """Return extra ``host[:port]`` values; anything else is refused."""
    hosts = string_list("QUERYDECK_UPSTREAM_HOSTS")
    for host in hosts:
        parts = urlsplit(f"//{host}")
        odd = "@" in host or re.search(r"\s", host)
        if odd or not parts.hostname or parts.netloc != host:
            raise ImproperlyConfigured(
                f"QUERYDECK_UPSTREAM_HOSTS holds {host!r}, which is not host[:port]."
            )
    return hosts


def database(data_dir: Path) -> dict[str, Any]:
    """Return Django's DATABASES entry: PostgreSQL from DATABASE_URL, else SQLite set up for writers.

    SQLite: WAL and IMMEDIATE, because a deferred transaction that reads and then writes
    fails at once in WAL whatever the busy timeout is.
    """
    url = os.environ.get("DATABASE_URL", "").strip()
    config = cast(
        "dict[str, Any]",
        _env.db_url_config(url or f"sqlite:///{data_dir / 'querydeck.sqlite3'}"),
    )
    if config["ENGINE"].endswith("sqlite3"):
        config["OPTIONS"] = {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; "
                "PRAGMA busy_timeout=20000;"
            ),
        }
        return config
    # Without pooled connections the queue's own polling is ten times slower.
    return config | {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}


@dataclass(frozen=True)
class Cluster:
    """Settings of django-q2; ``as_dict`` is its Q_CLUSTER setting."""

    workers: int
    broker: str
    redis_url: str
    timeout: int = 150
    queue_limit: int = 4

    @property
    def retry(self) -> int:
        """Seconds before a claimed task is handed out again.

        django-q2 starts this clock when the pusher claims a task, not when a worker starts
        it, so it must outlast everything queued in memory before it.
        """
        rounds = 1 + -(-(self.queue_limit + 1) // self.workers)
        return self.timeout * rounds + 30

    def as_dict(self) -> dict[str, Any]:
        """Q_CLUSTER: no stored results, no retries of its own (our rows keep both)."""
        broker: dict[str, Any] = {"orm": "default"}
        if self.broker == "redis":
            broker = {"redis": self.redis_url}
        return broker | {
            "name": "querydeck",
            "workers": self.workers,
            "queue_limit": self.queue_limit,
            "bulk": 1,
            "timeout": self.timeout,
            "retry": self.retry,
            "max_attempts": 1,
            "ack_failures": True,
            "save_limit": -1,
            "catch_up": False,
            "poll": 0.3,
            "recycle": 200,
            "max_rss": 600_000,
            "cache": "q_stats",
            "label": "Queue",
        }


def cluster() -> Cluster:
    """Return the queue's settings; the redis broker needs REDIS_URL."""
    broker = choice("QUERYDECK_BROKER", "orm", "redis")
    url = os.environ.get("REDIS_URL", "").strip()
    if broker == "redis" and not url:
        raise ImproperlyConfigured(
            "QUERYDECK_BROKER is redis, but REDIS_URL is not set."
        )
    workers = integer("QUERYDECK_WORKERS", default=4, minimum=3, maximum=64)
    return Cluster(workers=workers, broker=broker, redis_url=url)
