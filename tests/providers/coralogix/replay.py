"""Playing lines to the provider and reading what comes of them."""

from __future__ import annotations

from queries.providers.base import Row
from queries.providers.errors import (
    ProviderError,
)
from tests.providers.coralogix.samples import (
    DIRECT,
    SPEC,
    wire_row,
)
from tests.scripted_server import ndjson_reply


def numbered(count: int, start: int = 0) -> list[dict]:
    return [wire_row({"n": n}) for n in range(start, start + count)]


def numbers(rows: list[Row]) -> list[int]:
    return [row.values["$d"]["n"] for row in rows]


def read_until_error(stream) -> tuple[list[Row], ProviderError | None]:
    rows = []
    with stream:
        try:
            rows.extend(stream)
        except ProviderError as error:
            return rows, error
    return rows, None


def play(provider, upstream, *sent, path=DIRECT, **more):
    """Play lines and give the stream, the rows, and the error that ended it."""
    upstream.on(path, ndjson_reply(*sent, **more))
    stream = provider.run(SPEC) if path == DIRECT else provider.rows("job-1")
    rows, error = read_until_error(stream)
    return stream, rows, error
