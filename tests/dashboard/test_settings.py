"""The settings that keep people and keys safe."""

from __future__ import annotations

import logging
import runpy

import pytest
import structlog
from django.conf import settings
from django.core.checks import run_checks
from django.test import override_settings

from dashboard.log import logging_config, redact
from queries.checks import check_queue_retry
from tests.factories import KEY


def test_the_project_passes_its_checks():
    assert run_checks() == []


def test_tasks_carry_no_results_and_no_admin_shows_the_queue():
    assert settings.Q_CLUSTER["save_limit"] == -1
    assert settings.Q_CLUSTER["max_attempts"] == 1
    assert "django.contrib.admin" not in settings.INSTALLED_APPS


def test_sessions_live_in_the_database_and_end():
    assert settings.SESSION_ENGINE.endswith(".db")
    assert settings.SESSION_COOKIE_AGE == 7 * 24 * 3600
    assert settings.SESSION_COOKIE_HTTPONLY
    assert settings.CSRF_COOKIE_HTTPONLY
    assert settings.SESSION_COOKIE_SAMESITE == "Lax"


def test_a_session_holds_json_not_pickles():
    assert settings.SESSION_SERIALIZER.endswith("JSONSerializer")


def test_the_csp_allows_nothing_inline():
    text = str(settings.CONTENT_SECURITY_POLICY)
    assert "unsafe" not in text
    assert "*" not in text
    assert "http" not in text


def test_what_browsers_send_is_bounded():
    assert settings.DATA_UPLOAD_MAX_MEMORY_SIZE <= 5_000_000
    assert settings.DATA_UPLOAD_MAX_NUMBER_FIELDS <= 10_000


@pytest.fixture
def as_deployed(monkeypatch):
    """The settings under other variables, as a dict; what they configure is put back."""
    before = structlog.get_config()

    def read(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(settings.BASE_DIR / "dashboard" / "settings.py"))

    yield read
    structlog.configure(**before)


def test_over_https_cookies_are_bound_to_host_and_scheme(as_deployed):
    deployed = as_deployed(QUERYDECK_HTTPS="yes", QUERYDECK_PROXY_COUNT="1")
    assert deployed["SESSION_COOKIE_NAME"] == "__Host-session"
    assert deployed["CSRF_COOKIE_NAME"] == "__Host-csrf"
    assert deployed["SESSION_COOKIE_SECURE"] is deployed["CSRF_COOKIE_SECURE"] is True
    assert deployed["SECURE_HSTS_SECONDS"] >= 365 * 24 * 3600
    assert deployed["SECURE_HSTS_INCLUDE_SUBDOMAINS"] is True
    assert deployed["SECURE_SSL_REDIRECT"] is True
    assert deployed["SECURE_PROXY_SSL_HEADER"] == ("HTTP_X_FORWARDED_PROTO", "https")


def test_no_header_makes_http_look_like_https_without_a_proxy(as_deployed):
    deployed = as_deployed(QUERYDECK_HTTPS="yes", QUERYDECK_PROXY_COUNT="0")
    assert "SECURE_PROXY_SSL_HEADER" not in deployed


def test_a_shared_cache_is_used_when_there_is_one(as_deployed):
    deployed = as_deployed(REDIS_URL="redis://127.0.0.1:6379/0")
    assert deployed["CACHES"]["default"]["BACKEND"].endswith("RedisCache")


def test_a_queue_that_would_run_tasks_twice_is_an_error():
    assert check_queue_retry() == []
    short = settings.Q_CLUSTER | {"retry": settings.Q_CLUSTER["timeout"]}
    with override_settings(Q_CLUSTER=short):
        (error,) = check_queue_retry()
    assert error.id == "queries.E001"


# The log


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {KEY}",
        f"key {KEY} refused",
        "authorization: basic dXNlcjpodW50ZXIy",
        "/accounts/link/SECRETtoken_-1/ 200",
        "/accounts/join/SECRETtoken_-1/ 422",
    ],
)
def test_what_looks_like_a_secret_is_blanked(text):
    (cleaned,) = redact(None, "info", {"event": text}).values()
    for part in (KEY, "dXNlcjpodW50ZXIy", "SECRETtoken"):
        assert part not in cleaned


def test_what_is_named_like_a_secret_is_blanked():
    event = {
        "api_key": "x",
        "Authorization": "y",
        "set_cookie": "z",
        "run": "r",
        "n": 1,
    }
    assert redact(None, "info", event) == {
        "api_key": "***",
        "Authorization": "***",
        "set_cookie": "***",
        "run": "r",
        "n": 1,
    }


@pytest.mark.parametrize("json", [True, False])
def test_lines_are_rendered_with_their_exceptions_and_without_keys(json):
    before = structlog.get_config()
    try:
        config = logging_config(level="DEBUG", json=json)
    finally:
        structlog.configure(**before)
    assert config["loggers"]["httpx"]["level"] == "WARNING"
    assert config["loggers"]["httpcore"]["level"] == "WARNING"
    formatter = dict(config["formatters"]["line"])
    line = formatter.pop("()")(**formatter)
    info = (ValueError, ValueError(f"Bearer {KEY}"), None)
    record = logging.LogRecord("x", logging.ERROR, "", 1, "key is %s", (KEY,), info)
    text = line.format(record)
    assert "ValueError" in text
    assert KEY not in text
