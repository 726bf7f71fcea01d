"""Connections: keep keys sealed, open them for one call, test them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import F, Max, Q, QuerySet
from django.utils import timezone

from queries.connections import rate_limit
from queries.fields import SealError, is_sealed_with_newest_key
from queries.models import Connection, Team, User
from queries.providers import registry
from queries.providers.base import Provider, RateLimitStatus, TestResult
from queries.providers.client import Policy
from queries.providers.errors import AuthenticationError, ProviderError

RATE_LIMITED_CODE = "not_now"
LAST_USED_RESOLUTION = timedelta(minutes=1)
# Seconds without calls when a provider reports that none is left, but not until when.
EXHAUSTED_BLOCK_SECONDS = 60.0
log = structlog.get_logger(__name__)


class KeyRequiredError(Exception):
    """The key must be entered: a stored key is never sent to another address."""


@dataclass(frozen=True)
class ConnectionInput:
    """The values of a connection form. ``key`` is empty to keep the stored one."""

    name: str
    options: Mapping[str, Any]
    team: Team | None = None
    key: str = ""

    def __repr__(self) -> str:
        return f"Entered({self.name!r})"


def origin_for(provider: str, options: Mapping[str, Any]) -> str:
    """Return the origin of ``options``. Raises AddressRefusedError."""
    return registry.validated_origin(provider, options, settings.UPSTREAM_HOSTS)


def save_connection(connection: Connection, entered: ConnectionInput) -> None:
    """Store a new or changed connection (owner and provider are set by the caller).

    Raises AddressRefusedError, and KeyRequiredError when there is no key for the origin. The last
    test's outcome is cleared when key or options changed.
    """
    origin = origin_for(connection.provider, entered.options)
    if not entered.key and origin != connection.origin:
        raise KeyRequiredError
    changed = bool(entered.key) or dict(entered.options) != connection.options
    connection.name, connection.team = entered.name, entered.team
    connection.options, connection.origin = dict(entered.options), origin
    fields = {"name", "team", "options", "origin", "updated_at"}
    if changed:
        connection.tested_at = connection.test_ok = None
        connection.test_message = ""
        fields |= {"tested_at", "test_ok", "test_message"}
    if entered.key:
        connection.set_key(entered.key)
        fields |= {"sealed_key", "key_last4", "key_fingerprint"}
    # Not the whole row: rotate_keys may have resealed the key since it was read.
    connection.save(update_fields=None if connection.is_new else fields)


@contextmanager
def open_provider(
    connection: Connection, policy: Policy | None = None, *, store_figures: bool = True
) -> Iterator[Provider]:
    """Open the provider; the key is decrypted only inside ``with``.

    ``policy`` changes timeouts and sizes; the allowed hosts are always the administrator's. At the
    end the reported rate limit is stored, unless ``store_figures`` leaves that to the caller
    (`store_rate_figures`). Raises AuthenticationError if the stored key cannot be decrypted, and
    AddressRefusedError if its origin is not allowed any more.
    """
    opened = registry.create_provider(
        connection.provider,
        _clear_key(connection),
        connection.options,
        origin=connection.origin,
        policy=policy or default_policy(),
    )
    with opened as provider:
        _mark_used(connection)
        try:
            yield provider
        finally:
            if store_figures:
                store_rate_figures(connection, provider.rate_figures)


def default_policy() -> Policy:
    """Return the usual limits of calls, with the hosts that the administrator allowed."""
    return Policy(upstream_hosts=frozenset(settings.UPSTREAM_HOSTS))


def test_policy() -> Policy:
    """Return short timeouts, because a user waits for the page."""
    return replace(
        default_policy(), connect_timeout=5, read_timeout=15, total_timeout=20
    )


def test_connection(connection: Connection) -> TestResult:
    """Make one cheap call, and store and return its outcome.

    A test takes a rate-limit token like any call. Without one no call is made and nothing is stored:
    the result says when to try again (code ``not_now``).
    """
    limit = registry.provider_class(connection.provider).rate_limit
    if wait := rate_limit.acquire(connection, limit):
        seconds = math.ceil(wait)
        return TestResult(
            ok=False,
            message=f"This key is at its provider's limit of requests. Test again in {seconds} s.",
            error_code=RATE_LIMITED_CODE,
        )
    try:
        with open_provider(connection, test_policy()) as provider:
            result = provider.test()
    except ProviderError as error:
        result = TestResult.from_error(error)
    # Only if the row still has the tested key and origin.
    same = Connection.objects.filter(
        pk=connection.pk,
        key_fingerprint=connection.key_fingerprint,
        origin=connection.origin,
    )
    same.update(
        tested_at=timezone.now(), test_ok=result.ok, test_message=result.full_message()
    )
    return result


def usable_by(user: User, provider: str) -> QuerySet[Connection]:
    """Return the connections of a provider that ``user`` may run on, last used first."""
    last_run = Max("runs__created_at", filter=Q(runs__owner=user))
    return (
        Connection.objects.visible_to(user)
        .filter(provider=provider)
        .annotate(last_run=last_run)
        .select_related("owner", "team")
        .order_by(F("last_run").desc(nulls_last=True), "name", "created_at")
    )


def count_active_runs(connection: Connection) -> int:
    """Return how many active runs use the connection, of all users."""
    return connection.runs.active().count()


def delete_connection(connection: Connection) -> None:
    """Delete the connection and its key. Runs and results stay, under its name."""
    connection.delete()


def _clear_key(connection: Connection) -> str:
    try:
        return connection.reveal_key()
    except SealError as error:
        log.warning("key_unreadable", connection=str(connection.pk), why=str(error))
        raise AuthenticationError(
            "The stored key cannot be read any more.",
            code="key_unreadable",
            remedy="Enter the key again on the connection's page.",
        ) from None


def _mark_used(connection: Connection) -> None:
    now = timezone.now()
    if connection.last_used_at and connection.last_used_at > now - LAST_USED_RESOLUTION:
        return
    connection.last_used_at = now
    Connection.objects.filter(pk=connection.pk).update(last_used_at=now)


def store_rate_figures(connection: Connection, figures: RateLimitStatus | None) -> None:
    """Store the reported rate limit for the connection's page; block the key if no call is left."""
    if figures is None:
        return
    if figures.remaining == 0 and figures.resets_at is None:
        rate_limit.block(connection, EXHAUSTED_BLOCK_SECONDS)
    stored = {
        "limit": figures.limit,
        "remaining": figures.remaining,
        "resets_at": figures.resets_at.isoformat() if figures.resets_at else None,
    }
    Connection.objects.filter(pk=connection.pk).update(rate_figures=stored)


@dataclass(frozen=True)
class Rotation:
    """Progress of ``rotate_keys``: counts, and the connections whose key is unreadable."""

    sealed: int = 0
    current: int = 0
    failed: tuple[UUID, ...] = ()


def rotate_keys(batch_size: int) -> Iterator[Rotation]:
    """Seal every stored key under the newest field key; yield the totals after each batch.

    Safe while the product runs: a row that changes meanwhile is read again, never overwritten. Keys
    that are sealed with the newest key are skipped.
    """
    done, last = Rotation(), None
    while True:
        rows = Connection.objects.order_by("pk")
        page = list((rows.filter(pk__gt=last) if last else rows)[:batch_size])
        for connection in page:
            done = _rotated(done, connection)
        yield done
        if len(page) < batch_size:
            return
        last = page[-1].pk


def _rotated(done: Rotation, connection: Connection) -> Rotation:
    for row in _as_it_changes(connection):
        if is_sealed_with_newest_key(row.sealed_key):
            return replace(done, current=done.current + 1)
        try:
            if row.reseal_key():
                return replace(done, sealed=done.sealed + 1)
        except SealError:
            return replace(done, failed=(*done.failed, row.pk))
    return done


def _as_it_changes(connection: Connection) -> Iterator[Connection]:
    """Yield the row as read, then as it is now, again and again until it is deleted."""
    row: Connection | None = connection
    while row is not None:
        yield row
        row = Connection.objects.filter(pk=connection.pk).first()
