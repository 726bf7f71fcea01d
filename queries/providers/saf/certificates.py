"""The certificate of an authority of the user's own, pasted as PEM text."""

from __future__ import annotations

import re
import ssl

MAX_CERTIFICATE_CHARACTERS = 64 * 1024
_BLOCK = re.compile(
    r"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----"
)
_LINE = 64


def normalize_pem(text: str) -> str:
    """Return the certificates in a text as clean PEM, whatever was done to its line ends; "" if there are none."""
    blocks = (
        "".join(match.split())
        for match in _BLOCK.findall(text[:MAX_CERTIFICATE_CHARACTERS])
    )
    return "".join(_block(letters) for letters in blocks)


def certificate_problem(text: str) -> str:
    """Say what is wrong with a pasted text; "" if it can be used or is empty."""
    if not text.strip():
        return ""
    if "PRIVATE KEY" in text:
        return "This holds a private key. Paste the certificate only, and keep the key to yourself."
    if len(text) > MAX_CERTIFICATE_CHARACTERS:
        return f"This is longer than {MAX_CERTIFICATE_CHARACTERS:,} characters."
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(
            cadata=normalize_pem(text)
        )
    except (ssl.SSLError, ValueError):
        return "This is not a certificate. It begins with -----BEGIN CERTIFICATE-----."
    return ""


def _block(letters: str) -> str:
    lines = [letters[start : start + _LINE] for start in range(0, len(letters), _LINE)]
    return "\n".join(
        ("-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", "")
    )
