"""A hundred thousand rows, from the upstream's wire to files read back by other libraries."""

from __future__ import annotations

import csv
import io
import json

import openpyxl
import pytest
from django.urls import reverse

from queries.exports import builder
from queries.models import Mode, Run, Status
from queries.runs.engine.fetching import fetch
from queries.runs.engine.scheduler import run_scheduler
from queries.runs.services import RunRequest, start_run
from sandbox.config import INSTANT, SandboxConfig
from sandbox.running import running_sandbox
from tests.factories import ConnectionFactory
from tests.markup import one_line
from tests.views.explore.test_results import numbers
from tests.views.test_exports import content, make

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

COUNT = 100_000
BIG = 9_223_372_036_854_775_807
TEXTS = [
    "plain",
    "=HYPERLINK(1)",
    "naïve 日本 🛒",
    'quote " and\nline',
    "-5.2",
    "@cmd",
    "",
]


def user_data(n: int) -> dict:
    """Row ``n``: every kind of value that files tend to spoil."""
    return {
        "n": n,
        "text": TEXTS[n % len(TEXTS)],
        "big": BIG - n,
        "nothing": None,
        "nested": {"list": [n, {"deep": "ü"}], "flag": n % 2 == 0},
        "ratio": n / 8,
    }


@pytest.fixture
def run(user, settings):
    with running_sandbox(
        SandboxConfig(rows=map(user_data, range(COUNT)), pace=INSTANT)
    ) as sandbox:
        connection = ConnectionFactory(
            owner=user, origin=sandbox.url, key="sandbox-demo-key"
        )
        run = start_run(
            RunRequest(
                owner=user,
                connection=connection,
                statement=f"source logs | orderby $d.n | limit {COUNT}",
                mode=Mode.BACKGROUND,
                time_range="last-30d",
            )
        )
        for _ in range(20):
            Run.objects.filter(pk=run.pk, next_at__isnull=False).update(
                next_at=run.created_at
            )
            run_scheduler(run_seconds=0.01, idle_seconds=0)
            fetch(str(run.pk))
            run.refresh_from_db()
            if not run.is_active:
                break
    return run


def test_every_row_is_paged_sorted_filtered_and_exported_exactly(page, run):
    assert (run.status, run.error, run.rows_received) == (Status.SUCCEEDED, None, COUNT)
    url = reverse("run_results", args=[run.pk])
    assert numbers(page.get(url)) == list(range(1, 101))
    assert numbers(page.get(url, {"page": 900})) == list(range(89_901, 90_001))
    assert numbers(page.get(url, {"sort": "-$d.n"}))[0] == COUNT
    found = page.get(url, {"q": str(BIG - 777), "in": "$d.big"})
    assert "1 of 100,000 rows" in one_line(found.text)
    check_json(page, run)
    check_csv(page, run)
    check_xlsx(page, run)


def exported(page, run, **choices) -> bytes:
    """The file; a large one is built as the worker does."""
    response = make(page, run, **{"columns": "shown", "col": COLUMNS} | choices)
    if not response.headers.get("Content-Disposition"):
        export = run.exports.latest("created_at")
        builder.build_export(str(export.pk))
        export.refresh_from_db()
        assert export.status == Status.SUCCEEDED
        return builder.file_path(export).read_bytes()
    return content(response)


COLUMNS = ["$d.n", "$d.text", "$d.big", "$d.nested.list", "$d.nested.flag", "$d.ratio"]


def check_json(page, run):
    rows = json.loads(exported(page, run, format="json"))
    assert len(rows) == COUNT
    lines = exported(page, run, format="ndjson", columns="original").splitlines()
    originals = [json.loads(json.loads(line)["userData"]) for line in lines]
    assert originals == [user_data(n) for n in range(COUNT)]
    for n in (0, 1, 2, 3, 77_777, COUNT - 1):
        expected = user_data(n)
        assert rows[n]["$d.big"] == expected["big"]
        assert rows[n]["$d.text"] == expected["text"]
        assert rows[n]["$d.nested.list"] == expected["nested"]["list"]


def check_csv(page, run):
    text = exported(page, run, format="csv").decode("utf-8-sig")
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    at = {name: place for place, name in enumerate(header)}
    assert len(rows) == COUNT
    for n, row in enumerate(rows):
        expected = user_data(n)
        assert row[at["$d.n"]] == str(n)
        assert row[at["$d.big"]] == str(expected["big"])
        assert row[at["$d.text"]].removeprefix("'") == expected["text"]
        assert not row[at["$d.text"]].startswith(("=", "@"))


def check_xlsx(page, run):
    book = openpyxl.load_workbook(
        io.BytesIO(exported(page, run, format="xlsx")), read_only=True
    )
    header, *rows = book.worksheets[0].iter_rows(values_only=True)
    at = {name: place for place, name in enumerate(header)}
    assert len(rows) == COUNT
    for n, row in enumerate(rows):
        expected = user_data(n)
        assert row[at["$d.n"]] == n
        assert row[at["$d.big"]] == str(expected["big"])
        assert (row[at["$d.text"]] or "") == expected["text"]
        assert row[at["$d.ratio"]] == expected["ratio"]
