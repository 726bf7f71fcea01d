"""A request repeated with the same Idempotency-Key gets the first answer (Polytomic docs, "Idempotent requests")."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from sandbox.polytomic.errors import ApiError, error_response
from sandbox.web import Response

_KEPT = timedelta(hours=24)
_FORM = re.compile(r"[A-Za-z0-9_-]{8,255}")


class IdempotencyCache:
    """Remembers answers by who asked and by key, for a day. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[tuple[str, str], tuple[datetime, Response | None]] = {}

    def restore(self, owner: str, key: str, at: datetime, answer: Response) -> None:
        """Know an answer of an earlier process."""
        self._answers[owner, key] = (at, answer)

    def get_or_create(
        self, owner: str, key: str, now: datetime, handle: Callable[[], Response]
    ) -> Response:
        """The first answer to this key, errors included. 409 while it is still being made; 400 for a key of no such form."""
        if not _FORM.fullmatch(key):
            raise ApiError(
                400,
                "invalid_idempotency_key",
                "Idempotency-Key must be 8 to 255 of A-Z, a-z, 0-9, _ and -.",
            )
        place = (owner, key)
        with self._lock:
            at, known = self._answers.get(place, (None, None))
            if at is not None and now - at < _KEPT:
                if known is None:
                    raise self.conflict()
                return known
            self._answers[place] = (now, None)
        made = None
        try:
            made = handle()
        except ApiError as error:
            made = error_response(error)
        finally:
            with self._lock:
                if made is None:
                    del self._answers[place]
                else:
                    self._answers[place] = (now, made)
        return made

    @staticmethod
    def conflict() -> ApiError:
        """What a request hears whose first one is still being answered."""
        return ApiError(
            409,
            "idempotency_conflict",
            "A request with this Idempotency-Key is in progress.",
        )
