"""Keys in memory and in requests: never in a repr, a log, an exception or a pickle."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import NoReturn, Protocol

from queries.providers.errors import AuthenticationError

MASK = "***"
_SENDABLE = re.compile(
    r"[\x21\x23-\x5b\x5d-\x7e]+"
)  # printable, and the same inside a JSON text
_MIN_REDACTED_CHARACTERS = 6


class Secret:
    """A key in memory. `reveal()` is the only way to its text."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the clear text. Use it only where it is sent."""
        return self._value

    def __repr__(self) -> str:
        return MASK

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret is not to be pickled or copied.")


class Authorization(Protocol):
    """The headers that authenticate each request."""

    def headers(self) -> Mapping[str, str]:
        """Return the request headers. Raises AuthenticationError if the key cannot be sent at all."""

    def secrets(self) -> tuple[str, ...]:
        """Return every text that must be redacted if the other side repeats it."""


class SchemeAuthorization:
    """`Authorization: <scheme> <key>`."""

    def __init__(self, scheme: str, secret: Secret) -> None:
        self._scheme = scheme
        self._secret = secret

    def headers(self) -> Mapping[str, str]:
        """Return the header. A key with spaces, line ends or letters beyond ASCII is refused."""
        if not _SENDABLE.fullmatch(self._secret.reveal()):
            raise AuthenticationError(
                "The key is empty or contains characters that no key has (spaces, line ends, quotes, accents).",
                remedy="Copy the key again and enter it on the connection's page.",
            )
        return {"Authorization": f"{self._scheme} {self._secret.reveal()}"}

    def secrets(self) -> tuple[str, ...]:
        """Return the key."""
        return (self._secret.reveal(),)


class BearerAuthorization(SchemeAuthorization):
    """`Authorization: Bearer <key>`."""

    def __init__(self, secret: Secret) -> None:
        super().__init__("Bearer", secret)


class BasicAuthorization:
    """`Authorization: Basic <user and password>`, as RFC 7617 has it, in UTF-8."""

    def __init__(self, user: str, password: Secret) -> None:
        self._user = user
        self._password = password

    def headers(self) -> Mapping[str, str]:
        """Return the header. The user name must not be empty or contain a colon, neither may contain control characters."""
        if not self._user or ":" in self._user or not self._user.isprintable():
            raise AuthenticationError(
                "The user name is empty or contains a colon or a line end.",
                remedy="Enter the user name on the connection's page.",
            )
        password = self._password.reveal()
        if not password or not password.isprintable():
            raise AuthenticationError(
                "The password is empty or contains a line end.",
                remedy="Enter the password again on the connection's page.",
            )
        return {"Authorization": f"Basic {self._token()}"}

    def secrets(self) -> tuple[str, ...]:
        """Return the password, also as JSON writes it, and the token. A password of a few letters is left out.

        It occurs in every text: redacting it would ruin responses and hide nothing.
        """
        password = self._password.reveal()
        written = (
            json.dumps(password, ensure_ascii=ascii_only)
            for ascii_only in (True, False)
        )
        forms = dict.fromkeys((password, *(text[1:-1] for text in written)))
        blotted = (form for form in forms if len(form) >= _MIN_REDACTED_CHARACTERS)
        return (self._token(), *blotted)

    def _token(self) -> str:
        pair = f"{self._user}:{self._password.reveal()}"
        return base64.b64encode(pair.encode("utf-8", "surrogatepass")).decode()
