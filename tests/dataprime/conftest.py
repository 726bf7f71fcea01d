"""The logs every test of the language queries."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from tests.dataprime.logs import ROWS, Logs, make_table


@pytest.fixture(scope="module")
def logs() -> Iterator[Logs]:
    """The odd rows, read only: one table serves all tests of a module."""
    connection = duckdb.connect(config={"threads": 2})
    make_table(connection, ROWS)
    yield Logs(connection)
    connection.close()


@pytest.fixture(autouse=True)
def data_dir() -> None:
    """These tests write nothing: no directory is made for them."""
