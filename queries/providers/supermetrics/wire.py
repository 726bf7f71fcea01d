"""Every call to Supermetrics goes through here: the address's path before it, its rate figures after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus

from queries.providers.answers import Response, parse_retry_after
from queries.providers.base import RateLimitStatus
from queries.providers.client import ApiCall, Client, translate_network_errors
from queries.providers.errors import LimitExceededError
from queries.providers.supermetrics.envelopes import Envelope, parse_envelope
from queries.providers.supermetrics.failures import Step, error_for_response

MAX_PAGE_BYTES = 64 * 1024**2
_MAX_DIGITS = 9


class PageTooLargeError(Exception):
    """An answer is larger than a page may be: ask for fewer rows."""


class ApiClient:
    """Talks to one address. `figures` is what the last answer said of the rate limit."""

    def __init__(self, client: Client, path: str) -> None:
        self.client = client
        self.rate_limit_status: RateLimitStatus | None = None
        self._path = path

    def send(
        self, step: Step, call: ApiCall, *, from_host_root: bool = False
    ) -> Response:
        """Make a call below the connection's path, or below its host. Raises what a refusal means."""
        answer = self.client.send(call if from_host_root else self._placed(call))
        self._note(answer.status, answer.headers)
        if answer.is_error:
            raise error_for_response(step, answer)
        return answer

    def envelope(self, step: Step, call: ApiCall) -> Envelope:
        """Make a call about a query that brings no rows to speak of."""
        return parse_envelope(self.send(step, call).body)

    def page(self, step: Step, call: ApiCall) -> Envelope:
        """Make a call that brings rows. Raises PageTooLargeError beside what `send` raises."""
        # No error drags along the frame that holds the bytes received, and perhaps a key that was sent back.
        return parse_envelope(
            translate_network_errors(partial(self._body, step, call), body_begun=True)
        )

    def check_size(self, received: int) -> None:
        """Raise LimitExceededError if the pages of a result together are more than we accept."""
        most = self.client.policy.max_stream_bytes
        if received > most:
            raise LimitExceededError(
                f"The answer is larger than {most:,} bytes, the most we accept.",
                may_have_been_received=True,
            )

    def _body(self, step: Step, call: ApiCall) -> bytes:
        """Read an answer whole, with the key blotted out."""
        reply = self.client.stream(self._placed(call))
        try:
            self._note(reply.status, reply.headers)
            if reply.is_error:
                raise error_for_response(step, reply.read())
            pieces = []
            for piece in reply:
                pieces.append(piece)
                if reply.bytes_received > MAX_PAGE_BYTES:
                    raise PageTooLargeError
        finally:
            reply.close()
        text = b"".join(pieces).decode("utf-8", "surrogateescape")
        return self.client.redact(text).encode("utf-8", "surrogateescape")

    def _placed(self, call: ApiCall) -> ApiCall:
        return replace(call, path=self._path + call.path)

    def _note(self, status: int, headers: Mapping[str, str]) -> None:
        # Supermetrics docs: on every answer but those of status 500, counted by the hour.
        limit, left = (
            _number(headers.get(f"x-ratelimit-{name}", ""))
            for name in ("limit", "remaining")
        )
        now = datetime.now(UTC)
        wait = parse_retry_after(headers, now)
        again = status == HTTPStatus.TOO_MANY_REQUESTS and wait is not None
        if limit is not None or left is not None or again:
            resets = now + timedelta(seconds=wait or 0) if again else None
            self.rate_limit_status = RateLimitStatus(
                limit, 0 if again else left, resets
            )


def _number(text: str) -> int | None:
    text = text.strip()
    good = text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
    return int(text) if good else None
