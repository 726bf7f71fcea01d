"""How a key is held and how it travels: never in a repr, a log, an exception or a pickle."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NoReturn, Protocol

from queries.providers.errors import AuthenticationError

MASK = "***"
_SENDABLE = re.compile(
    r"[\x21\x23-\x5b\x5d-\x7e]+"
)  # printable, and the same inside a JSON text


class Secret:
    """A key in memory. `reveal()` is the only way to its text."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Give the clear text. Use it where it is sent, and nowhere else."""
        return self._value

    def __repr__(self) -> str:
        return MASK

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret is not to be pickled or copied.")


class Authorization(Protocol):
    """What goes along with each request to prove who asks."""

    def headers(self) -> Mapping[str, str]:
        """Give the request headers. Raises AuthenticationError if the key cannot be sent at all."""

    def secrets(self) -> tuple[str, ...]:
        """Give every text that must be blotted out if the other side repeats it."""


class BearerAuthorization:
    """`Authorization: Bearer <key>`."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    def headers(self) -> Mapping[str, str]:
        """Give the one header. A key with spaces, line ends or letters beyond ASCII cannot be one."""
        if not _SENDABLE.fullmatch(self._secret.reveal()):
            raise AuthenticationError(
                "The key is empty or contains characters that no key has (spaces, line ends, quotes, accents).",
                remedy="Copy the key again and enter it on the connection's page.",
            )
        return {"Authorization": f"Bearer {self._secret.reveal()}"}

    def secrets(self) -> tuple[str, ...]:
        """Give the key."""
        return (self._secret.reveal(),)
