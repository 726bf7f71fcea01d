"""Fixtures every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.factories import UserFactory


@pytest.fixture(autouse=True)
def data_dir(settings, tmp_path: Path) -> Path:
    """Each test writes results and exports to a place of its own."""
    settings.DATA_DIR = tmp_path / "data"
    settings.DATA_DIR.mkdir()
    return settings.DATA_DIR


@pytest.fixture
def user(db):
    """The person most tests are about."""
    return UserFactory()


@pytest.fixture
def page(client, user):
    """A browser without a screen, signed in as ``user``."""
    client.force_login(user)
    return client
