"""Page tokens: opaque to the client, signed, good for one query only."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

_SIGNED_BYTES = 9


class TokenError(Exception):
    """The token is not one of ours, or not for this query."""


class PageTokens:
    """Makes and reads tokens. They are good for every sandbox of the same seed, so also after a restart."""

    def __init__(self, seed: int) -> None:
        self._secret = hashlib.sha256(f"page tokens {seed}".encode()).digest()

    def encode(self, task_id: str, page: int) -> str:
        """The token of a page."""
        number = str(page).encode()
        return base64.b64encode(
            number + b"." + self._signature(task_id, number)
        ).decode()

    def decode(self, task_id: str, token: str) -> int:
        """The page a token stands for. Raises ``TokenError``."""
        try:
            number, _, signature = base64.b64decode(token, validate=True).partition(
                b"."
            )
        except (binascii.Error, ValueError) as error:
            raise TokenError from error
        if not hmac.compare_digest(signature, self._signature(task_id, number)):
            raise TokenError
        return int(number)

    def _signature(self, task_id: str, number: bytes) -> bytes:
        said = task_id.encode() + b":" + number
        return hmac.digest(self._secret, said, "sha256")[:_SIGNED_BYTES]
