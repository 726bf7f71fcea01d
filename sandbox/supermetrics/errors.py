"""What the server says when it refuses: one exception, three forms of body."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from sandbox.web import Request, Response, json_response

_PROBLEM_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    429: "Too Many Requests",
    500: "Internal Server Error",
}


class ApiError(Exception):
    """A request is answered with ``status``; ``plain`` ones have nothing but ``{"error": code}``."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str = "",
        *,
        plain: bool = False,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message or code)
        self.status = status
        self.code = code
        self.message = message
        self.plain = plain
        self.retry_after = retry_after


def new_request_id() -> str:
    """A new id, in the documented form."""
    return secrets.token_urlsafe(24)


def with_error_responses(
    handle: Callable[[Request], Response], *, problem_details: bool
) -> Callable[[Request], Response]:
    """Turn the refusals of ``handle`` into answers."""

    def guarded(request: Request) -> Response:
        try:
            return handle(request)
        except ApiError as refusal:
            return _answer(refusal, problem_details=problem_details)

    return guarded


def error_body(code: str, message: str) -> dict[str, Any]:
    """Today's error envelope."""
    return {
        "meta": {"request_id": new_request_id()},
        "error": {"code": code, "message": message},
    }


def _answer(refusal: ApiError, *, problem_details: bool) -> Response:
    headers = {}
    if refusal.retry_after is not None:
        headers["retry_after"] = str(refusal.retry_after)
    if refusal.status == 401:  # noqa: PLR2004 - an HTTP status
        headers["www_authenticate"] = 'Bearer realm="api"'
    if refusal.plain:
        return json_response(refusal.status, {"error": refusal.code}, **headers)
    # Supermetrics docs, older ones: these four statuses only.
    if problem_details and refusal.status in _PROBLEM_TITLES:
        title = _PROBLEM_TITLES[refusal.status]
        kind = title.lower().replace(" ", "-")
        problem = {
            "type": f"https://supermetrics.com/problems/{kind}",
            "title": title,
            "status": refusal.status,
            "detail": refusal.message,
        }
        return json_response(refusal.status, problem, **headers)
    return json_response(
        refusal.status, error_body(refusal.code, refusal.message), **headers
    )
