"""Settings of the tests: the product's own, with this process's secrets and a scratch place."""

from __future__ import annotations

import os
import tempfile

from cryptography.fernet import Fernet

os.environ.setdefault(
    "SECRET_KEY", "t9Qv-3mZr7Lw_2xKp8Nd4Hs6Jf1Gb5Yc0AeUiOqWzXkVnRtMhPl"
)
os.environ.setdefault("QUERYDECK_FIELD_KEYS", Fernet.generate_key().decode())
os.environ.setdefault("QUERYDECK_DATA_DIR", tempfile.mkdtemp(prefix="querydeck-test-"))
os.environ.setdefault("QUERYDECK_HTTPS", "no")
os.environ.setdefault("QUERYDECK_ALLOWED_HOSTS", "testserver,localhost,127.0.0.1")
os.environ.setdefault("QUERYDECK_UPSTREAM_HOSTS", "127.0.0.1")

from dashboard.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = STORAGES | {  # noqa: F405
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
}
# WhiteNoise warns when the directory is missing, and warnings are errors.
STATIC_ROOT = DATA_DIR / "staticfiles"  # noqa: F405
STATIC_ROOT.mkdir(exist_ok=True)
AXES_ENABLED = False
LOGGING["root"]["level"] = "WARNING"  # noqa: F405
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):  # noqa: F405
    # In a file, as in life: an in-memory database is locked as a whole between threads.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}  # noqa: F405
