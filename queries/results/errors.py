"""What can go wrong with stored results, in words that are safe to show.

ResultError
├── StorageError            rows could not be written
│   └── StorageFullError    ... because the disk (or the quota on it) is full
├── ResultsMissingError     the files are gone: deleted, expired, or on another machine
├── ResultsDamagedError     the files are there, but cannot be read
├── UnknownFormatError      the files were written by a newer version of the product
├── RowNotFoundError        no row has that number (also a LookupError)
├── UnknownColumnError      no column has that name (also a LookupError)
├── ConditionError          a filter's condition cannot be understood
├── BusyError               too many questions at once; this one waited in vain
├── QueryTimeoutError       reading took longer than allowed
└── MemoryLimitError        reading needed more memory than allowed
"""

from __future__ import annotations


class ResultError(Exception):
    """Anything that went wrong with stored rows; `str()` of it is safe to show."""

    default = "The stored result could not be used."

    def __init__(self, message: str = "") -> None:
        super().__init__(message or self.default)


class StorageError(ResultError):
    """Rows could not be written."""

    default = "The rows could not be written to disk."


class StorageFullError(StorageError):
    """The disk, or the quota on it, is full."""

    default = "There is no room left on the disk for more rows."


class ResultsMissingError(ResultError):
    """A file of the result is gone."""

    default = "The stored rows are gone: they were deleted or have expired."


class ResultsDamagedError(ResultError):
    """A file of the result differs from what was written."""

    default = "The stored rows are damaged and cannot be read."


class UnknownFormatError(ResultError):
    """The rows are stored in a format that this version does not know: a newer version wrote them."""

    title = "These rows were stored by a newer version"
    remedy = (
        "Upgrade Querydeck to the version that stored them, or run the query again."
    )

    def __init__(self, version: int, newest: int) -> None:
        self.reason = f"The rows are stored in format {version}. This version of Querydeck reads formats up to {newest}."
        super().__init__(f"{self.reason} {self.remedy}")


class RowNotFoundError(ResultError, LookupError):
    """No row has that number."""

    default = "There is no such row in this result."


class UnknownColumnError(ResultError, LookupError):
    """No column has that name."""

    default = "There is no such column in this result."


class ConditionError(ResultError):
    """A condition of a filter cannot be understood; `column` is the one it is on."""

    def __init__(self, column: str, why: str) -> None:
        self.column = column
        super().__init__(f"The filter on “{column}” cannot be used: {why}.")


class BusyError(ResultError):
    """All threads for reading results are in use, and none became free in time."""

    default = "Too many results are being read at this moment. Try again shortly."


class QueryTimeoutError(ResultError):
    """Reading took longer than allowed and was stopped."""

    default = (
        "Reading the result took too long and was stopped. A narrower filter may help."
    )


class MemoryLimitError(ResultError):
    """Reading needed more memory than allowed and was stopped."""

    default = "This needs more memory than is allowed. Fewer columns may help."
