"""Open providers kept for the next poll, so that their HTTP connections are reused."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from queries.connections.services import open_provider, store_rate_figures
from queries.models import Connection
from queries.providers.base import Provider, RateLimitStatus


class ProviderPool:
    """Lends each open provider to one thread at a time; closes all at the end.

    A changed connection gets a new provider. Reported rate limits are collected, so that many
    calls cost one write.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free: dict[tuple[Any, ...], list[Provider]] = {}
        self._told: dict[UUID, tuple[Connection, RateLimitStatus]] = {}
        self._opened = ExitStack()

    @contextmanager
    def acquire(self, connection: Connection) -> Iterator[Provider]:
        """Lend a provider for one call; after an error it is not reused."""
        key = (connection.pk, connection.updated_at, connection.sealed_key)
        provider = self._take(key) or self._open(connection)
        try:
            yield provider
        finally:
            self._listen(connection, provider.rate_figures)
        with self._lock:
            self._free.setdefault(key, []).append(provider)

    def save_rate_figures(self) -> None:
        """Store the rate limits reported since the last time. Not for worker threads."""
        with self._lock:
            told, self._told = self._told, {}
        for connection, figures in told.values():
            store_rate_figures(connection, figures)

    def _listen(self, connection: Connection, figures: RateLimitStatus | None) -> None:
        if figures is not None:
            with self._lock:
                self._told[connection.pk] = (connection, figures)

    def _take(self, key: tuple[Any, ...]) -> Provider | None:
        with self._lock:
            free = self._free.get(key)
            return free.pop() if free else None

    def _open(self, connection: Connection) -> Provider:
        with ExitStack() as attempt:
            provider = attempt.enter_context(
                open_provider(connection, store_figures=False)
            )
            with self._lock:
                self._opened.push(attempt.pop_all())
        return provider

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._opened.close()
        self.save_rate_figures()
