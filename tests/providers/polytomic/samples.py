"""Answers in the documented form, with invented content."""

from __future__ import annotations

import json
from typing import Any

from queries.providers.base import QuerySpec
from tests.scripted_server import Reply, Request, Script, json_reply

CONNECTION = "248df4b7-aa70-47b8-a036-33ac447e668d"
JOB = "43d893ef-322b-47da-badb-3cf10d13a556"
ME = "/api/me"
CONNECTIONS = "/api/connections"
SUBMIT = f"/api/connections/{CONNECTION}/query"
RESULT = f"/api/queries/{JOB}"
SPEC = QuerySpec("SELECT name, age FROM people", {"connection_id": CONNECTION})
VERSION = "2025-09-18"


def answer(
    status: str | None = "done", *, links: Any = None, http: int = 200, **data: Any
) -> Reply:
    """An answer about a query."""
    body: dict[str, Any] = {"data": {"id": JOB, "status": status} | data}
    if links is not None:
        body["links"] = links
    return json_reply(body, http, X_Polytomic_Version=VERSION)


def pages(
    count: int, size: int = 1_000, path: str = RESULT, *, base: str = "", **data: Any
) -> Script:
    """`count` numbered rows over several pages, with links such as "<base><path>?page=Mg%3D%3D"."""
    last = max(0, -(-count // size) - 1)

    def link(number: int) -> str:
        return f"{base}{path}?page={number}%3D%3D"

    def script(request: Request) -> Reply:
        token = request.target.partition("?page=")[2]
        number = int(token.removesuffix("%3D%3D") or 0)
        links = {}
        if number < last:
            links["next"] = link(number + 1)
        if number:
            links["previous"] = link(number - 1)
        rows = [{"n": n} for n in range(number * size, min((number + 1) * size, count))]
        told = {"count": count, "fields": ["n"]} | data
        return answer(links=links, results=rows, **told)

    return script


def row_text(**values: Any) -> bytes:
    """A row as Polytomic's answer has it."""
    return json.dumps(values).encode()
