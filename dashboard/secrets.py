"""Generate this installation's secrets once: ``python -m dashboard.secrets``."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

from cryptography.fernet import Fernet

from dashboard.env import LOCAL_SECRETS


def ensure_secrets(path: Path = LOCAL_SECRETS) -> bool:
    """Write ``path`` (mode 0600) unless it exists; True when it was written.

    The file is made with its mode and O_EXCL, so it is never readable by others, not even
    for a moment, and two starts at once cannot overwrite each other's keys.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(handle, "w") as file:
        file.write(f"SECRET_KEY={secrets.token_urlsafe(64)}\n")
        file.write(f"QUERYDECK_FIELD_KEYS={Fernet.generate_key().decode()}\n")
    return True


if __name__ == "__main__":
    if ensure_secrets():
        sys.stdout.write(f"Secrets generated in {LOCAL_SECRETS}\n")
