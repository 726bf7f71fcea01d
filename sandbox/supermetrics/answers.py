"""What is said of a query: where it stands, or its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec

from sandbox.jobs import Job
from sandbox.supermetrics.errors import new_request_id
from sandbox.supermetrics.queries import ResolvedQuery
from sandbox.web import JSON, Request, Response, json_response

_SUB_QUERIES = 12


def api_status(job: Job, now: datetime) -> str:
    """Supermetrics' word for where a query stands."""
    phase = job.phase(now)
    if phase == "waiting":
        half = (job.starts_at - job.submitted_at) / 2
        return "SCHEDULED" if now < job.submitted_at + half else "QUEUED"
    if phase == "success":
        return "SUCCESS"
    return "RUNNING" if phase == "running" else job.reason.partition(":")[0]


def status_response(job: Job, schedule_id: str, now: datetime, status: int) -> Response:
    """A query that has no rows to give."""
    meta = {
        "request_id": new_request_id(),
        "schedule_id": schedule_id,
        "status_code": api_status(job, now),
        **_work(job, now),
    }
    return json_response(status, {"meta": meta, "data": []})


def result_response(
    meta: Mapping[str, Any],
    header: list[str] | None,
    pieces: Iterator[list[bytes]],
) -> Response:
    """Rows, which are JSON texts already, after what is to be known of them."""
    return Response(200, _chunks(meta, header, pieces), JSON, streamed=True)


def result_meta(
    job: Job, schedule_id: str, asked: ResolvedQuery, header: list[str]
) -> dict[str, Any]:
    """All that is told beside the rows."""
    seconds = max(job.pace.running, 0.01)
    ended = job.executed_at or job.submitted_at
    cached = job.reason == "cached"
    return {
        "request_id": new_request_id(),
        "schedule_id": schedule_id,
        "status_code": "SUCCESS",
        "query": _query(asked),
        "result": {
            "total_columns": len(header),
            "total_rows": job.rows,
            "run_seconds": round(seconds, 3),
            "data_sampled": False,
            "cache_used": cached,
            "cache_time": ended.isoformat(timespec="seconds") if cached else None,
        },
    }


def pagination_links(
    request: Request, parameters: Mapping[str, Any], total: int
) -> dict[str, Any]:
    """The pages before and after, for a GET that asked for a page."""
    first, last = parameters.get("offset_start", 0), parameters.get("offset_end")
    if last is None:
        return {"prev": None, "next": None}
    size = last - first + 1

    def link(start: int) -> str:
        page = dict(parameters) | {
            "offset_start": start,
            "offset_end": start + size - 1,
        }
        text = quote(msgspec.json.encode(page).decode())
        return f"http://{request.headers.get('host', '')}{request.path}?json={text}"

    return {
        "prev": link(max(first - size, 0)) if first else None,
        "next": link(last + 1) if last + 1 < total else None,
    }


def _chunks(
    meta: Mapping[str, Any], header: list[str] | None, pieces: Iterator[list[bytes]]
) -> Iterator[bytes]:
    yield b'{"meta":' + msgspec.json.encode(meta) + b',"data":['
    between = b""
    if header is not None:
        yield msgspec.json.encode(header)
        between = b","
    for rows in pieces:
        yield between + b",".join(rows)
        between = b","
    yield b"]}"


def _work(job: Job, now: datetime) -> dict[str, Any]:
    """Parts of the query: more of them become known while it runs."""
    if job.phase(now) == "waiting":
        return {
            "progress": {"queries_ready": 0, "queries_total": 1},
            "workflow": {"tasks_scheduled": 1, "tasks_running": 0},
        }
    share = (
        (now - job.starts_at).total_seconds() / job.pace.running
        if job.pace.running
        else 1.0
    )
    share = min(max(share, 0.0), 1.0)
    total = min(_SUB_QUERIES, 2 + int(share * 2 * _SUB_QUERIES))
    ready = min(int(share * _SUB_QUERIES), total)
    running = min(2, total - ready)
    return {
        "progress": {"queries_ready": ready, "queries_total": total},
        "workflow": {"tasks_scheduled": total - ready - running, "tasks_running": running},
    }  # fmt: skip


def _query(asked: ResolvedQuery) -> dict[str, Any]:
    return {
        "start_date": asked.days.start.isoformat(),
        "end_date": asked.days.end.isoformat(),
        "ds_accounts": [account.id for account in asked.accounts],
        "ds_segments": list(asked.segments),
        "fields": _fields(asked),
        "compare_type": None,
        "compare_show": None,
        "compare_start_date": None,
        "compare_end_date": None,
        "settings": {"no_headers": asked.no_headers},
        "cache_minutes": None,
    }


def _fields(asked: ResolvedQuery) -> list[dict[str, Any]]:
    """The fields; those that are split, and the metrics then, have no place of their own in a row."""
    found, place = [], 0
    for one in asked.fields:
        across = one in asked.pivot_fields
        placed = not across and not (asked.pivot_fields and one.kind == "met")
        found.append(
            {
                "id": one.id,
                "field_id": one.id,
                "field_name": one.name,
                "field_type": one.kind,
                "field_split": "column" if across else "row",
                "data_type": one.data_type,
                "data_column": place if placed else None,
                "visible": True,
            }
        )
        place += placed
    return found
