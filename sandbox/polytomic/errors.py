"""What the server says when it refuses, and the version it says it as."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sandbox.web import Request, Response, json_response

VERSION_HEADER = "X-Polytomic-Version"
# Polytomic docs, "Versioning".
VERSIONS = ("2025-09-18", "2024-02-08", "2023-04-25", "2022-12-12", "2021-05-23")


class ApiError(Exception):
    """A request is answered with ``status``, a ``key`` for programs and a ``message`` for people."""

    def __init__(self, status: int, key: str, message: str, **metadata: Any) -> None:
        super().__init__(message)
        self.status = status
        self.key = key
        self.message = message
        self.metadata = metadata


def error_response(error: ApiError) -> Response:
    """The documented envelope. Assumption: the keys; no example of one is published."""
    body = {
        "key": error.key,
        "message": error.message,
        "metadata": error.metadata,
        "status": error.status,
    }
    after = error.metadata.get("retry_after")
    return json_response(
        error.status, body, **({} if after is None else {"retry_after": str(after)})
    )


def with_error_responses(
    handle: Callable[[Request], Response],
) -> Callable[[Request], Response]:
    """Turn refusals into answers, and let every answer name its version, as the documents promise."""

    def guarded(request: Request) -> Response:
        asked = request.headers.get(VERSION_HEADER.lower(), VERSIONS[0])
        if asked not in VERSIONS:
            asked, answer = VERSIONS[0], error_response(_unsupported())
        else:
            answer = _tried(handle, request)
        return replace(answer, headers=(*answer.headers, (VERSION_HEADER, asked)))

    return guarded


def _tried(handle: Callable[[Request], Response], request: Request) -> Response:
    try:
        return handle(request)
    except ApiError as error:
        return error_response(error)


def _unsupported() -> ApiError:
    return ApiError(
        400, "unsupported_version", "This version of the API is not supported."
    )
