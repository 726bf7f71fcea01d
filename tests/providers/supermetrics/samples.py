"""Answers in the documented form, with invented content."""

from __future__ import annotations

from typing import Any

from queries.providers.base import QuerySpec

BASE = "/enterprise/v2"
DATA = f"{BASE}/query/data/json"
STATUS = f"{BASE}/query/status"
REQUEST_ID = "BXaEFVtjc7TXaJxgZhmFgSUD9edqq_CN"
FIELDS = ("Number", "Text")

SETTINGS = {
    "input": "form",
    "ds_id": "AW",
    "ds_accounts": "123-456",
    "fields": "Number, Text",
    "date_range_type": "last_x_days",
    "date_range_count": 7,
}
SPEC = QuerySpec("", SETTINGS)


def status(word: str, schedule_id: str = "job-1", **more: Any) -> dict[str, Any]:
    """A query that has not ended, or not well."""
    meta = {
        "request_id": REQUEST_ID,
        "schedule_id": schedule_id,
        "status_code": word,
        "progress": {"queries_ready": 3, "queries_total": 12},
        "workflow": {"tasks_scheduled": 4, "tasks_running": 2},
    }
    return {"meta": meta | more, "data": []}


def result(
    rows: list[Any], *, total: int | None = None, **query: Any
) -> dict[str, Any]:
    """A page of a result without a header row, unless `settings` says else."""
    fields = [
        {
            "id": name.lower(),
            "field_id": name.lower(),
            "field_name": name,
            "field_type": "dim",
            "field_split": "row",
            "data_type": "string.text.value",
            "data_column": place,
            "visible": True,
        }
        for place, name in enumerate(FIELDS)
    ]
    about = {
        "start_date": "2026-11-15",
        "end_date": "2026-11-21",
        "ds_accounts": ["123-456"],
        "fields": fields,
        "settings": {"no_headers": True},
        "cache_minutes": None,
    }
    told = {
        "run_seconds": 1.25,
        "total_columns": len(FIELDS),
        "total_rows": total,
        "data_sampled": False,
        "cache_used": False,
        "cache_time": None,
    }
    meta = {
        "request_id": REQUEST_ID,
        "schedule_id": "job-1",
        "status_code": "SUCCESS",
        "query": about | query,
        "result": {k: v for k, v in told.items() if k != "total_rows" or v is not None},
    }
    return {"meta": meta, "data": rows}


def with_header(rows: list[Any], *, total: int | None = None) -> dict[str, Any]:
    """A page of a result with its header row."""
    return result([list(FIELDS), *rows], total=total, settings={})


def refused(code: str, message: str = "No.", **more: str) -> dict[str, Any]:
    """An error in today's form."""
    return {
        "meta": {"request_id": REQUEST_ID},
        "error": {"code": code, "message": message, **more},
    }


def problem(name: str, title: str, status_code: int, detail: str) -> dict[str, Any]:
    """An error in the older form."""
    return {
        "type": f"https://supermetrics.com/problems/{name}",
        "title": title,
        "status": status_code,
        "detail": detail,
        "instance": "https://api.supermetrics.com/v2/query/status",
    }
