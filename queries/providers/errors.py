"""Everything that can go wrong when talking to a provider, in our words.

    ProviderError                     str(error) is always safe to show; retryable = False
    ├── AuthenticationError           the key was refused
    ├── PermissionDeniedError         the key is good but may not do this (`permission` names what it lacks)
    ├── NotFoundError                 the provider does not know this job or address
    ├── ConflictError                 not now: the job is in a state that forbids it
    ├── QueryError                    the provider refused or failed the statement
    ├── UnsupportedOperationError     the provider cannot do this here
    ├── ResultsExpiredError           the result was there and is gone
    ├── LimitExceededError            one of our own caps was reached
    ├── AddressRefusedError           we will not connect to that address
    ├── CallStoppedError              we hung up, because someone asked us to
    ├── UnavailableError              network or server trouble; retryable, may carry retry_after
    │   ├── UpstreamTimeoutError      no answer in time
    │   └── RateLimitError            too many requests
    └── UnexpectedResponseError       a shape we do not know
        └── TruncatedStreamError      the answer was cut on the way; retryable

`may_have_been_received` says that the request had been sent, in whole or in part, when the error came up: a caller that
repeats a call that is not idempotent must look at it first.
"""

from __future__ import annotations

import unicodedata
from typing import TypedDict, Unpack

MAX_TEXT_CHARACTERS = 600
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def clean_text(text: str, *, limit: int = MAX_TEXT_CHARACTERS) -> str:
    """Clean foreign text for display: no control or direction characters, single spaces, at most `limit` long."""
    visible = "".join(
        " " if unicodedata.category(c) in _HIDDEN_CATEGORIES else c
        for c in text[: limit * 4]
    )
    joined = " ".join(visible.split())
    return joined if len(joined) <= limit else joined[: limit - 1].rstrip() + "…"


def format_error(message: str, remedy: str, provider_code: str, request_id: str) -> str:
    """Return what went wrong, the remedy, and what the provider's support needs, as one text."""
    ids = (("Provider code", provider_code), ("Request id", request_id))
    told = (f"{name}: {value}." for name, value in ids if value)
    return " ".join(text for text in (message, remedy, *told) if text)


class ErrorFields(TypedDict, total=False):
    """Fields of an error beside its message."""

    code: str
    title: str
    remedy: str
    permission: str
    provider_code: str
    request_id: str
    http_status: int
    retryable: bool
    retry_after: float | None
    may_have_been_received: bool


class ProviderError(Exception):
    """A call to a provider failed. The message never holds a key or unchecked foreign text."""

    code: str = "provider_error"  # ours, stable
    title: str = "The provider could not do this"  # a heading, without full stop
    remedy: str = ""  # what the reader can do next
    permission: str = ""  # the provider's name for the permission that is missing
    provider_code: str = ""  # the provider's own code
    request_id: str = ""  # the provider's id of the failed request
    http_status: int | None = None
    retryable: bool = False  # the same call may work later
    retry_after: float | None = None  # seconds, as asked by the provider
    may_have_been_received: bool = False

    def __init__(self, message: str, **facts: Unpack[ErrorFields]) -> None:
        super().__init__(message)
        self.message = clean_text(message)
        for name, value in facts.items():
            setattr(self, name, value)

    def __str__(self) -> str:
        return self.message

    def full_message(self) -> str:
        """Return the whole error as one text."""
        return format_error(
            self.message, self.remedy, self.provider_code, self.request_id
        )

    def as_dict(self) -> dict[str, str | int | float | bool | None]:
        """Return the error as plain JSON values, to be stored beside a run."""
        return {
            "kind": type(self).__name__,
            "code": self.code,
            "title": self.title,
            "message": self.message,
            "remedy": self.remedy,
            "permission": self.permission,
            "provider_code": self.provider_code,
            "request_id": self.request_id,
            "http_status": self.http_status,
            "retryable": self.retryable,
            "retry_after": self.retry_after,
            "may_have_been_received": self.may_have_been_received,
        }


class AuthenticationError(ProviderError):
    """The key was refused: the connection is marked as failing."""

    code = "authentication"
    title = "The key was refused"
    remedy = "Enter a valid key on the connection's page."


class PermissionDeniedError(ProviderError):
    """The key is valid but lacks a permission, named in `permission` where it is known."""

    code = "permission_denied"
    title = "The key lacks a permission"
    remedy = "Give the key this permission, or use another connection."


class NotFoundError(ProviderError):
    """The provider does not know the job or the address."""

    code = "not_found"
    title = "The provider does not know this"


class ConflictError(ProviderError):
    """The job is in a state that forbids the call."""

    code = "conflict"
    title = "Not possible in this state"


class QueryError(ProviderError):
    """The provider refused the statement, or failed while running it."""

    code = "query"
    title = "The query failed"
    remedy = "Change the query and run it again."


class UnsupportedOperationError(ProviderError):
    """The provider cannot do this for this connection."""

    code = "unsupported"
    title = "Not offered by the provider"


class ResultsExpiredError(ProviderError):
    """The provider no longer keeps the result."""

    code = "results_expired"
    title = "The result has expired"
    remedy = "Run the query again."


class LimitExceededError(ProviderError):
    """One of our own limits was reached."""

    code = "limit_exceeded"
    title = "Our limit was reached"
    remedy = "Ask for less: a shorter time range, fewer columns or a lower limit."


class AddressRefusedError(ProviderError):
    """We do not connect to that address. The text never reveals whether a server listens there."""

    code = "address_refused"
    title = "This address is not allowed"
    remedy = "Use one of the provider's regions, or ask the administrator to allow the address."


class CallStoppedError(ProviderError):
    """The call was ended by us, on request."""

    code = "call_stopped"
    title = "The call was stopped"


class UnavailableError(ProviderError):
    """Network or server error: the same call may work later."""

    code = "unavailable"
    title = "The provider cannot be reached"
    remedy = "Try again in a little while."
    retryable = True


class UpstreamTimeoutError(UnavailableError):
    """No response in time."""

    code = "timeout"
    title = "The provider did not answer in time"


class RateLimitError(UnavailableError):
    """Too many requests; `retry_after` is when to retry, if reported."""

    code = "rate_limited"
    title = "Too many requests"
    remedy = "Wait a little; the provider limits how often it may be asked."


class UnexpectedResponseError(ProviderError):
    """The response has an unknown shape."""

    code = "unexpected_response"
    title = "The provider's answer was not understood"
    remedy = "Check the connection's address; if it is right, the provider may have changed its interface."


class TruncatedStreamError(UnexpectedResponseError):
    """The response was cut off. Rows received before are good."""

    code = "truncated"
    title = "The answer was cut short"
    remedy = "Run the query again; the rows received until then are kept."
    retryable = True
