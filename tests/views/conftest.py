"""Fixtures of the page tests."""

from __future__ import annotations

import io
import logging

import pytest


@pytest.fixture
def log():
    """Every record of every logger at DEBUG, as text, through the product's own formatter."""
    logger, lines = logging.getLogger(), io.StringIO()
    handler = logging.StreamHandler(lines)
    handler.setFormatter(logger.handlers[0].formatter)
    levels = {
        name: logging.getLogger(name).level for name in ("", "django.db.backends")
    }
    for name in levels:
        logging.getLogger(name).setLevel(logging.DEBUG)
    logger.addHandler(handler)
    yield lines
    logger.removeHandler(handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
