"""Where the fixtures are, and the environment in which the present code reads one."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# Test-only. The keys of an installation are no part of its data directory.
#: Of the fixtures only. Encoded here, because no file of the repository may hold a usable key.
FIELD_KEY = base64.urlsafe_b64encode(b"upgrade-test-only-field-key-0001").decode()
PASSWORD = "a password for the upgrade test"
SIGNING = "upgrade-fixture-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGH"
OURS = ("QUERYDECK_", "DATABASE_URL", "REDIS_URL", "DJANGO_", "SECRET_KEY")


def environment(place: Path) -> dict[str, str]:
    """The environment of a process whose data directory is `place`: SQLite, no Redis, plain HTTP."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(OURS)
    }
    upstream = os.environ.get("QUERYDECK_UPSTREAM_HOSTS", "")
    return kept | {
        "DJANGO_SETTINGS_MODULE": "dashboard.settings",
        "SECRET_KEY": SIGNING,
        "QUERYDECK_FIELD_KEYS": FIELD_KEY,
        "QUERYDECK_DATA_DIR": str(place),
        "QUERYDECK_UPSTREAM_HOSTS": upstream,
        "QUERYDECK_HTTPS": "no",
        "QUERYDECK_WORKERS": "3",
    }


def executed(place: Path, *command: str) -> str:
    """The standard output of a Python command that reads `place`."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment(place),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-8000:]
    return done.stdout


def observed(place: Path) -> dict[str, Any]:
    """What the present code shows of the installation in `place`, as `observe` describes it."""
    answer: dict[str, Any] = json.loads(
        executed(place, "-m", "tests.upgrade.observe").splitlines()[-1]
    )
    return answer
