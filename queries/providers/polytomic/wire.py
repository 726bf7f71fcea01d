"""One call after the other over the common client, and the page of an answer taken apart without its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from queries.providers.client import ApiCall, Client, StreamedResponse
from queries.providers.errors import (
    LimitExceededError,
    ProviderError,
    UnexpectedResponseError,
    clean_text,
)
from queries.providers.polytomic.failures import Step, error_for_response
from queries.providers.polytomic.requests import VERSION_HEADER
from queries.providers.repair import repair_json

# A page is taken whole into memory; Polytomic does not say how large one can be.
MAX_PAGE_BYTES: Final = 64 * 1024**2
PAGE_TOTAL_TIMEOUT: Final = 300.0
PAGE_READ_TIMEOUT: Final = 120.0


@dataclass(frozen=True, slots=True)
class FullResponse:
    """The whole body of a successful answer, with the key blotted out, and what its headers say."""

    body: bytes
    version: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Page:
    """One answer about a query: `about` is all but the rows and links; `rows` are JSON texts."""

    about: Mapping[str, Any]
    rows: list[msgspec.Raw]
    next: str
    version: str
    size: int
    request_id: str


class _Envelope(msgspec.Struct):
    data: dict[str, msgspec.Raw]
    links: dict[str, Any] | None = None


_envelopes = msgspec.json.Decoder(_Envelope)
_rows = msgspec.json.Decoder(list[msgspec.Raw] | None)
_NO_ROWS = msgspec.Raw(b"null")


def send_call(client: Client, call: ApiCall, step: Step) -> FullResponse:
    """Make a call. Raises what `failure_at` makes of a refusal, and what `Client.stream` raises."""
    with closing(client.stream(call)) as reply:
        if reply.is_error:
            raise error_for_response(step, reply.read())
        version = clean_text(reply.headers.get(VERSION_HEADER.lower(), ""), limit=40)
        # Rows, too: should a server repeat the key among them, it must not be stored with them.
        text = client.redact(_whole(reply).decode("utf-8", "surrogateescape"))
        body = text.encode("utf-8", "surrogateescape")
        return FullResponse(body, version, reply.request_id)


def parse_object(answer: FullResponse) -> dict[str, Any]:
    """Return the answer's JSON object. Raises UnexpectedResponseError."""
    try:
        value = msgspec.json.decode(answer.body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise _odd(answer, "Polytomic's answer is not a JSON object.")
    return value


def parse_page(answer: FullResponse) -> Page:
    """Take an answer about a query apart. Raises UnexpectedResponseError."""
    envelope = _envelope(answer)
    try:
        rows = _rows.decode(envelope.data.pop("results", _NO_ROWS)) or []
        about = msgspec.json.decode(msgspec.json.encode(envelope.data))
    except (ValueError, RecursionError):
        raise _odd(
            answer, "Polytomic's answer holds rows in a form we do not know."
        ) from None
    return Page(
        about,
        rows,
        _next(answer, envelope),
        answer.version,
        len(answer.body),
        answer.request_id,
    )


def _envelope(answer: FullResponse) -> _Envelope:
    for attempt in (bytes, repair_json):
        try:
            return _envelopes.decode(attempt(answer.body))
        except (ValueError, RecursionError):
            continue
    raise _odd(
        answer, "Polytomic's answer is not in the form it is documented to have."
    )


def _next(answer: FullResponse, envelope: _Envelope) -> str:
    link = (envelope.links or {}).get("next")
    if link is not None and not isinstance(link, str):
        raise _odd(answer, "Polytomic's link to the next page is not a text.")
    return link or ""


def _whole(reply: StreamedResponse) -> bytes:
    try:
        return b"".join(_pieces(reply))
    except ProviderError as error:
        failure = error
    # Without the frames that hold the bytes received: a printed traceback contains no data.
    failure.__context__ = None
    raise failure.with_traceback(None)


def _pieces(reply: StreamedResponse) -> Iterator[bytes]:
    for piece in reply:
        if reply.bytes_received > MAX_PAGE_BYTES:
            raise LimitExceededError(
                f"A page of the answer is larger than {MAX_PAGE_BYTES:,} bytes, the most we accept.",
                may_have_been_received=True,
            )
        yield piece


def _odd(answer: FullResponse, message: str) -> UnexpectedResponseError:
    return UnexpectedResponseError(
        message, request_id=answer.request_id, may_have_been_received=True
    )
