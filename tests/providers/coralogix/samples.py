"""Lines and rows in the recorded form, with invented content."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from queries.providers.base import QuerySpec

DIRECT = "/api/v1/dataprime/query"
SUBMIT = "/api/v1/dataprime/background-query"
STATUS = f"{SUBMIT}/status"
DATA = f"{SUBMIT}/data"
CANCEL = f"{SUBMIT}/cancel"

QUERY_ID = {"queryId": {"queryId": "86dee76d-0000-4000-8000-000000000001"}}
DONE = {"statistics": {"status": "COMPLETED", "outputRowCount": "1"}}
START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
END = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)
SPEC = QuerySpec("source logs | limit 10", start=START, end=END)


def wire_row(user_data: Any = None, **metadata: str) -> dict[str, Any]:
    """A row as it is sent; user data that is no text becomes JSON text."""
    if user_data is None:
        user_data = {"text": "hello"}
    return {
        "metadata": [{"key": name, "value": value} for name, value in metadata.items()],
        "labels": [
            {"key": "applicationname", "value": "shop"},
            {"key": "subsystemname", "value": "cart"},
        ],
        "userData": user_data
        if isinstance(user_data, str)
        else json.dumps(user_data, separators=(",", ":")),
    }


def direct(*rows: Any) -> dict[str, Any]:
    """A line of rows of a direct query."""
    return {"result": {"results": list(rows)}}


def data(*rows: Any) -> dict[str, Any]:
    """A line of rows of a background query."""
    return {"response": {"results": {"results": list(rows)}}}
