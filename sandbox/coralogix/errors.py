"""What the server says when it refuses: one exception, several body forms."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.web import Request, Response, json_response, text_response


class ApiError(Exception):
    """A request is answered with ``status`` and ``message``; ``plain`` bodies are text whatever the style."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        plain: bool = False,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.plain = plain
        self.retry_after = retry_after


class CompilationError(ApiError):
    """The statement is wrong; the message ends with the line and column."""

    def __init__(self, message: str) -> None:
        super().__init__(400, message)


def with_error_responses(
    handle: Callable[[Request], Response], style: str
) -> Callable[[Request], Response]:
    """Turn the refusals of ``handle`` into answers of that style (``SandboxConfig.error_style``)."""

    def guarded(request: Request) -> Response:
        try:
            return handle(request)
        except ApiError as refusal:
            return _answer(refusal, style)

    return guarded


def _answer(refusal: ApiError, style: str) -> Response:
    # Assumption: exact bodies are not published; these are the forms clients have met (LogNav's tests, official CLI).
    message = refusal.message
    if style == "text" and isinstance(refusal, CompilationError):
        message = f"Compilation errors:\n - {message}"
    if refusal.plain or style == "text":
        return text_response(refusal.status, message)
    named = (
        {} if refusal.retry_after is None else {"retry_after": str(refusal.retry_after)}
    )
    body = {"error": {"message": message}} if style == "error" else {"message": message}
    return json_response(refusal.status, body, **named)
