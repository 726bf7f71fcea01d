"""Logging: one line per event, JSON in production, keys redacted."""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog
from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter

SECRET_PATTERN = re.compile(
    r"(?i)\b(bearer|basic|apikey)\s+[\w.~+/=-]{6,}|\bcx[a-z]{1,2}p_\w+"
    r"|(?<=/accounts/join/)[\w-]+|(?<=/accounts/link/)[\w-]+"
)
SECRET_NAMES = ("key", "secret", "token", "password", "authorization", "cookie")


def redact(
    _logger: Any, _name: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Blank values whose name or form says they are credentials."""
    for name, value in event.items():
        if any(word in name.lower() for word in SECRET_NAMES):
            event[name] = "***"
        elif isinstance(value, str):
            event[name] = SECRET_PATTERN.sub("***", value)
    return event


class RedactingReporterFilter(SafeExceptionReporterFilter):
    """Hides posted data of pages that take keys or passwords, in developer mode too."""

    def is_active(self, request: HttpRequest | None) -> bool:
        """Return True."""
        return True


SHARED_PROCESSORS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
    redact,
]


def logging_config(*, level: str, json: bool) -> dict[str, Any]:
    """Return the LOGGING setting; also configures structlog itself."""
    structlog.configure(
        processors=[
            *SHARED_PROCESSORS,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if json
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": _formatter(renderer)},
        "handlers": {
            "console": {"class": "logging.StreamHandler", "formatter": "line"}
        },
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            "django.db.backends": {"level": "INFO"},
            # The HTTP loggers print request lines and headers at DEBUG.
            "httpx": {"level": "WARNING"},
            "httpcore": {"level": "WARNING"},
            "django-q": {"level": "WARNING"},
            "axes": {"level": "WARNING"},
        },
    }


def _formatter(renderer: Any) -> Mapping[str, Any]:
    return {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": SHARED_PROCESSORS,
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            renderer,
        ],
    }
