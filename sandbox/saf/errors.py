"""What the server says when it refuses, as OpenSearch does: {"error": {"type", "reason", "root_cause"}, "status"}."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.web import TEXT, Request, Response, json_response

REALM = 'Basic realm="OpenSearch Security"'


class ApiError(Exception):
    """A request is answered with ``status``, a type of error and a reason."""

    def __init__(self, status: int, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.kind = kind
        self.reason = reason


class UnauthorizedError(Exception):
    """Unknown user: plain text and a challenge, as OpenSearch's security plugin answers."""


def error_object(kind: str, reason: str) -> dict[str, Any]:
    """The object that describes an error."""
    cause = {"type": kind, "reason": reason}
    return {"root_cause": [cause], **cause}


def task_not_found(task_id: str) -> ApiError:
    """No such task, or another user's."""
    return ApiError(
        404, "resource_not_found_exception", f"task [{task_id}] is not found"
    )


def with_error_responses(
    handle: Callable[[Request], Response],
) -> Callable[[Request], Response]:
    """Turn the refusals of ``handle`` into answers."""

    def guarded(request: Request) -> Response:
        try:
            return handle(request)
        except UnauthorizedError:
            return Response(
                401, (b"Unauthorized",), TEXT, (("WWW-Authenticate", REALM),)
            )
        except ApiError as refusal:
            body = {
                "error": error_object(refusal.kind, refusal.reason),
                "status": refusal.status,
            }
            return json_response(refusal.status, body)

    return guarded
