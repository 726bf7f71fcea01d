"""Streams: the rows of a response, the bytes of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from queries.providers.errors import ProviderError
from queries.providers.values import ProviderWarning, Row


class RowStream(Iterator[Row]):
    """The rows of a response as they arrive, once. Use it in `with`, or call `close()`.

    The attributes are set while it is read. An error is raised only after every row received before it was yielded.
    """

    def __init__(
        self, rows: Callable[[RowStream], Iterator[Row]], close: Callable[[], None]
    ) -> None:
        self.query_id = ""
        self.warnings: list[ProviderWarning] = []
        self.statistics: dict[str, Any] = {}
        self.bytes_received = 0  # decoded
        self.effective_start: datetime | None = (
            None  # the range really used, if the provider tells
        )
        self.effective_end: datetime | None = None
        self.expires_at: datetime | None = None  # when the provider forgets the rows
        self.extras: dict[
            str, Any
        ] = {}  # what comes beside the rows, such as a timeline; JSON values
        self._rows = rows(self)
        self._close = close

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Row:
        try:
            return next(self._rows)
        except ProviderError as error:
            failure = error
        # Without the frames that hold the bytes received: a printed traceback contains no data.
        failure.__context__ = None
        raise failure.with_traceback(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection. May be repeated."""
        self._close()


class FileStream(Iterator[bytes]):
    """The bytes of a file made by the provider, once. Use it in `with`, or call `close()`."""

    def __init__(
        self, chunks: Iterator[bytes], close: Callable[[], None], *, name: str = ""
    ) -> None:
        self.name = name
        self._chunks = chunks
        self._close = close

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        return next(self._chunks)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection. May be repeated."""
        self._close()
