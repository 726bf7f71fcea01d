"""Encryption of stored secrets: sealed with Fernet, bound to their row and origin.

Fernet has no associated data, so the binding is inside the token and compared on every use: a
ciphertext copied to another row, or a row pointed to another origin, cannot be opened. The first of
``settings.FIELD_KEYS`` seals, all open.
"""

from __future__ import annotations

import hashlib
import hmac
import json

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

SEAL_VERSION = 1


class SealError(Exception):
    """A sealed secret cannot be opened: unknown key, damaged, or bound to something else."""


def _box() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.FIELD_KEYS])


def seal(secret: str, *, owner: str, origin: str) -> str:
    """Encrypt ``secret`` for the row named ``owner`` and the URL origin ``origin``."""
    payload = {"v": SEAL_VERSION, "owner": owner, "origin": origin, "secret": secret}
    return _box().encrypt(json.dumps(payload).encode()).decode()


def unseal(token: str, *, owner: str, origin: str) -> str:
    """Open a sealed secret; raises SealError rather than ever returning ciphertext."""
    try:
        payload = json.loads(_box().decrypt(token.encode()))
    except InvalidToken:
        raise SealError(
            "The stored key cannot be read with the keys at hand."
        ) from None
    bound = (payload["v"], payload["owner"], payload["origin"])
    if bound != (SEAL_VERSION, owner, origin):
        raise SealError("The stored key belongs to another connection or address.")
    return str(payload["secret"])


def reseal(token: str) -> str:
    """Return the same secret under the newest key, without decrypting it here. Raises SealError."""
    try:
        return _box().rotate(token.encode()).decode()
    except InvalidToken:
        raise SealError(
            "The stored key cannot be read with the keys at hand."
        ) from None


def is_sealed_with_newest_key(token: str) -> bool:
    """Return whether the newest field key sealed it (and it is undamaged)."""
    try:
        Fernet(settings.FIELD_KEYS[0]).decrypt(token.encode())
    except InvalidToken:
        return False
    return True


def fingerprint(secret: str) -> str:
    """Return 64 hex digits that tell keys apart without showing them (HMAC under SECRET_KEY)."""
    return hmac.new(
        settings.SECRET_KEY.encode(), secret.encode(), hashlib.sha256
    ).hexdigest()
