"""Where the results of these tests lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from queries.results.cache import ANSWERS, BLOCKS, ORDERS
from queries.results.engine_pool import ENGINE_POOL
from queries.results.footers import FOOTERS


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory that is not there yet."""
    return tmp_path / "result"


@pytest.fixture(autouse=True)
def no_memories():
    """No test profits from what another one found."""
    ORDERS.clear()
    ANSWERS.clear()
    BLOCKS.clear()
    FOOTERS.clear()
    ENGINE_POOL.close()
