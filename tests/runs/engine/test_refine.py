"""Refines: a statement on stored rows, carried out here, with nobody called."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta

import msgspec
import pyarrow.parquet as pq
import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from queries import stored_results
from queries.models import Mode, ResultPart, ResultSet, Run, Status
from queries.providers.coralogix.rows import parse_row
from queries.providers.registry import provider_class
from queries.results import ORIGINAL, PartWriter, compact
from queries.runs.engine import executor, recovery
from queries.runs.engine.refine import row_document_layout
from queries.runs.engine.run_updates import remove_rows
from queries.runs.refine import InvalidRefineError, RefineRequest, start_refine
from queries.runs.services import cancel_run, delete_run, wait_for
from queries.views.refine.examples import query_columns
from tests.factories import MembershipFactory, RunFactory, TeamFactory, UserFactory
from tests.stored_results import log_rows, stored_run

pytestmark = pytest.mark.django_db(transaction=True)
LONG = 60


@pytest.fixture(autouse=True)
def no_refine_outlives_its_test():
    yield
    executor.refine_executor.stop()


@pytest.fixture
def origin(user):
    """Thirty log lines as the provider sent them, originals included."""
    return stored_run(log_rows(30), owner=user)


def refined(origin, statement, language="dataprime", **changes):
    asked = RefineRequest(
        owner=changes.pop("owner", origin.owner),
        origin=origin,
        statement=statement,
        language=language,
        **changes,
    )
    return wait_for(start_refine(asked), LONG)


def rows_of(run):
    assert run.error is None
    with stored_results.open_result(run.result) as reader:
        return [json.loads(reader.row(n)) for n in range(reader.total)]


def test_an_aggregate_in_dataprime_gives_flat_rows(origin):
    run = refined(origin, "source logs | groupby $m.severity aggregate count() as n")
    assert run.status == Status.SUCCEEDED
    assert run.mode == Mode.REFINE
    assert run.origin == origin
    assert run.connection is None
    assert rows_of(run) == [
        {"severity": "Info", "n": 10},
        {"severity": "Warning", "n": 10},
        {"severity": "Error", "n": 10},
    ]
    kinds = {c["name"]: c["kind"] for c in run.result.columns}
    assert kinds == {"severity": "severity", "n": "integer"}
    assert run.result.complete


def wire_row(n):
    """A row as Coralogix sends it: pairs, and JSON inside a text."""
    data = {
        "n": n,
        "big": 2**63 + n,
        "message": f"message {n}",
        "nested": {"a": [n, None], "b": {"c": n % 2 == 0}},
        "odd.key": n % 3,
        "mixed": n if n % 2 else f"text {n}",
    }
    return msgspec.json.encode(
        {
            "metadata": [
                {"key": "severity", "value": str(3 + n % 3)},
                {"key": "timestamp", "value": f"2026-06-19T00:00:{n:02}.461000000"},
                {"key": "priorityclass", "value": "high"},
            ],
            "labels": [{"key": "applicationname", "value": "shop"}],
            "userData": msgspec.json.encode(data).decode(),
        }
    )


@pytest.fixture(params=["as they came", "without their texts"])
def logs(request, user):
    """Thirty log lines of the wire; the second time compacted, their texts written from the cells."""
    run = RunFactory(owner=user, status=Status.SUCCEEDED)
    run = stored(run, [parse_row(wire_row(n)) for n in range(30)])
    if request.param != "as they came":
        packed(run.result)
    return run


def packed(result_set):
    directory, columns = (
        stored_results.result_dir(result_set),
        stored_results.stored_columns(result_set),
    )
    names = result_set.parts.values_list("name", flat=True)
    documents = provider_class(result_set.run.provider).row_documents
    whole = compact(directory, list(names), columns, documents)
    result_set.parts.all().delete()
    ResultPart.objects.create(result_set=result_set, seq=0, **asdict(whole))
    table = pq.read_table(directory / whole.name)
    assert table[ORIGINAL].null_count == len(table)


def stored(run, rows, **changes):
    result_set = ResultSet.objects.create(run=run, **({"complete": True} | changes))
    hints = provider_class(run.provider).column_hints
    writer = PartWriter(stored_results.result_dir(result_set), hints=hints)
    for part in writer.write(rows):
        ResultPart.objects.create(
            result_set=result_set, seq=part.first_row, **asdict(part)
        )
    result_set.columns = [asdict(column) for column in writer.columns]
    result_set.row_count = writer.rows
    result_set.save()
    run.result = result_set
    run.save()
    return run


def test_whole_rows_look_like_those_they_came_from(logs):
    run = refined(logs, "source logs | filter $d.n == 7")
    (row,) = rows_of(run)
    came = json.loads(wire_row(7))
    assert row["$d"] == json.loads(came["userData"])
    assert row["$m"] == {pair["key"]: pair["value"] for pair in came["metadata"]}
    assert row["$l"] == {"applicationname": "shop"}
    kinds = {c["name"]: c["kind"] for c in run.result.columns}
    assert kinds["$m.timestamp"] == "timestamp"
    assert kinds["$m.severity"] == "severity"
    assert kinds["$d.nested.b.c"] == "boolean"


def test_all_rows_of_a_refine_come_back_equal(logs):
    again = refined(refined(logs, "source logs"), "source logs")
    expected = [json.loads(json.loads(wire_row(n))["userData"]) for n in range(30)]
    assert [row["$d"] for row in rows_of(again)] == expected


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("filter $m.severity >= ERROR | count", [{"_count": 10}]),
        ("filter $d.big == 9223372036854775810 | choose $d.n", [{"n": 2}]),
        ("filter $d.nested.b.c == true | count", [{"_count": 15}]),
        ("filter $d['odd.key'] == 2 | count", [{"_count": 10}]),
        ("filter $d.mixed == 'text 4' | choose n", [{"n": 4}]),
        ("filter $d.mixed == 5 | choose n", [{"n": 5}]),
        ("filter $d.nested.a[0] == 3 | choose n", [{"n": 3}]),
        (
            "filter $m.timestamp >= @'2026-06-19T00:00:28Z' | choose n",
            [{"n": 28}, {"n": 29}],
        ),
        (
            "source logs between @'2026-06-19T00:00:00Z' and @'2026-06-19T00:00:02Z' | count",
            [{"_count": 2}],
        ),
        (
            "top 2 $d.n by $d.n | choose $d.n",
            [{"n": 29}, {"n": 28}],
        ),
        ("filter $d.message.contains('message 1') | count", [{"_count": 11}]),
        ("aggregate sum($d.n) as s, avg($d.n) as a", [{"s": 435, "a": 14.5}]),
        ("filter $l.applicationname == 'shop' | count", [{"_count": 30}]),
        ("filter $m.priorityclass == 'high' | count", [{"_count": 30}]),
    ],
)
def test_what_dataprime_says_is_done(logs, statement, expected):
    found = rows_of(refined(logs, statement))
    assert [row.get("$d", row) for row in found] == expected


def test_times_and_severities_that_were_computed_are_shown_as_such(logs):
    statement = "source logs | groupby $m.timestamp / 10s as slot, $m.severity as level aggregate count() as n"
    run = refined(logs, statement)
    kinds = {c["name"]: c["kind"] for c in run.result.columns}
    assert kinds == {"slot": "timestamp", "level": "severity", "n": "integer"}


def test_sql_reads_the_columns_by_the_names_they_are_shown_under(logs):
    text = """SELECT "$m.severity" AS level, count(*) AS n, sum("$d.n") AS s,
              min("$m.timestamp") AS first FROM rows GROUP BY ALL ORDER BY s DESC"""
    run = refined(logs, text, "sql")
    assert rows_of(run)[0] == {
        "level": "Error",
        "n": 10,
        "s": 155,
        "first": "2026-06-19T00:00:02.461000000Z",
    }
    kinds = {c["name"]: c["kind"] for c in run.result.columns}
    assert kinds["first"] == "timestamp"


def test_sql_has_the_columns_in_the_order_they_are_shown_in(user):
    rows = [{"$m": {"logid": "id", "LOGID": "shout", "severity": "Info"}, "$d": "x"}]
    origin = stored_run(rows, owner=user)
    shown = stored_results.stored_columns(origin.result)
    assert [column.name for column in shown] != [
        column["name"] for column in origin.result.columns
    ]
    [row] = rows_of(refined(origin, "SELECT * FROM rows", "sql"))
    assert list(row.items()) == [
        ("$m.severity", "Info"),
        ("$d", "x"),
        ("$m.LOGID", "shout"),
        ("$m.logid_2", "id"),
    ]
    for one in query_columns(shown, row_document_layout(origin, shown)):
        found = rows_of(refined(origin, f"SELECT {one.sql} AS it FROM rows", "sql"))
        with stored_results.open_result(origin.result) as reader:
            page = reader.page(offset=0, size=1, columns=[one.column.name])
        assert [found[0]["it"]] == page.rows[0][1]


def test_sql_over_everything_keeps_every_value(logs):
    rows = rows_of(refined(logs, "FROM rows", "sql"))
    assert [row["$d.n"] for row in rows] == list(range(30))
    assert rows[3]["$d.big"] == str(2**63 + 3)
    assert rows[3]["$d.nested.a"] == [3, None]
    assert rows[3]["$m.timestamp"] == "2026-06-19T00:00:03.461000000Z"


def test_rows_of_other_providers_are_data_alone(user):
    original = b'{"Total (USD)": 5, "a.b": 1, "c": {"d": "x"}}'
    run = RunFactory(owner=user, status=Status.SUCCEEDED, provider="polytomic")
    origin = stored(run, [(json.loads(original), original)] * 2)
    whole = refined(
        origin, "source rows | filter $d['Total (USD)'] == 5 && $d.c.d == 'x'"
    )
    assert rows_of(whole) == [json.loads(original)] * 2
    dotted = refined(origin, "filter $d['a.b'] == 1 | count")
    assert rows_of(dotted) == [{"_count": 2}]


def test_values_that_are_no_json_stay_as_texts(logs):
    run = refined(
        logs, "SELECT 'NaN'::DOUBLE a, ['inf'::DOUBLE, 1] b, 1e308::DOUBLE c", "sql"
    )
    assert rows_of(run) == [{"a": "nan", "b": ["Infinity", 1], "c": 1e308}]


def test_an_unknown_keypath_is_null_as_it_is_at_the_provider(logs):
    run = refined(logs, "source logs | groupby $d.nowhere aggregate count() as n")
    assert rows_of(run) == [{"nowhere": None, "n": 30}]


def test_what_is_missing_in_the_origin_is_said_of_the_refine(user):
    cut = {
        "code": "x",
        "message": "Only 30 rows came.",
        "remedy": "Ask again.",
        "details": {},
    }
    run = RunFactory(owner=user, status=Status.SUCCEEDED)
    rows = [parse_row(wire_row(n)) for n in range(3)]
    origin = stored(run, rows, complete=False, cuts=[cut])
    found = refined(origin, "source logs | count")
    assert found.status == Status.SUCCEEDED
    assert not found.result.complete
    (said,) = found.result.cuts
    assert "Only 30 rows came." in said["message"]
    assert said["remedy"] == "Ask again."


@pytest.mark.parametrize("language", ["dataprime", "sql"])
def test_our_limit_on_rows_cuts_and_is_said(logs, settings, language):
    settings.MAX_ROWS = 10
    statement = {"dataprime": "source logs", "sql": "FROM rows"}[language]
    run = refined(logs, statement, language)
    assert run.status == Status.SUCCEEDED
    assert run.rows_received == 10
    assert [cut["code"] for cut in run.result.cuts] == ["our_row_limit"]


def test_our_limit_on_bytes_cuts_and_is_said(logs, settings):
    settings.MAX_BYTES = 2_000_000
    text = "SELECT repeat('x', 1000) AS x FROM range(100000)"
    run = refined(logs, text, "sql")
    assert run.status == Status.SUCCEEDED
    assert 0 < run.rows_received < 100_000
    assert [cut["code"] for cut in run.result.cuts] == ["limit_exceeded"]


def test_wrong_dataprime_is_refused_with_its_place_before_a_run_is_made(logs):
    with pytest.raises(InvalidRefineError) as wrong:
        refined(logs, "source logs\n| filter $d.n >")
    assert wrong.value.line == 2
    assert Run.objects.count() == 1


def test_wrong_sql_fails_in_words_with_its_place(logs):
    run = refined(logs, "SELECT nope FROM rows", "sql")
    assert run.status == Status.FAILED
    assert "nope" in run.error["message"]
    assert "in line 1 at column 8" in run.error["message"]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("nothing", "Table with name nothing does not exist! The rows are the table rows."),
        ("rowz", 'Did you mean "rows"?'),
    ],
)  # fmt: skip
def test_a_table_that_is_not_there_is_answered_with_the_one_that_is(logs, table, words):
    run = refined(logs, f"SELECT * FROM {table}", "sql")
    assert words in run.error["message"]
    assert "in line 1 at column 15" in run.error["message"]
    assert "pg_" not in run.error["message"]


def test_user_text_is_never_sql_in_dataprime(logs):
    text = "source logs | filter $d.message == 'x\\'; DROP VIEW stored; --' | count"
    assert rows_of(refined(logs, text)) == [{"_count": 0}]


def test_a_statement_that_takes_too_long_ends_and_says_so(logs, settings):
    settings.REFINE_SECONDS = 2
    run = refined(logs, "SELECT count(*) FROM range(100000000000000)", "sql")
    assert run.status == Status.FAILED
    assert run.error["code"] == "too_long"
    assert "longer than 2 seconds" in run.error["message"]
    assert "background" not in run.error["remedy"]


def test_a_statement_that_takes_too_much_memory_says_so(logs, settings):
    text = "SELECT len(list(x)) AS n FROM range(15000000) t(x)"
    assert rows_of(refined(logs, text, "sql")) == [{"n": 15_000_000}]
    settings.REFINE_BYTES = 200_000_000
    assert refined(logs, text, "sql").error["code"] == "memory"


def endless(logs):
    asked = RefineRequest(
        owner=logs.owner,
        origin=logs,
        statement="SELECT count(*) FROM range(100000000000000)",
        language="sql",
    )
    return start_refine(asked)


def test_a_refine_is_cancelled_at_once(logs):
    run = endless(logs)
    cancel_run(run)
    run = wait_for(run, LONG)
    assert run.status == Status.CANCELLED
    assert run.notes == []


def test_a_deleted_refine_leaves_no_process_and_no_files(logs, data_dir):
    run = endless(logs)
    delete_run(run)
    assert executor.refine_executor.wait(run.pk, LONG)
    assert not (data_dir / "results" / str(run.pk)).exists()


def test_a_refine_whose_process_is_gone_is_ended_by_the_sweep(logs):
    run = endless(logs)
    executor.refine_executor.stop()
    run.refresh_from_db()
    assert run.status == Status.FAILED
    assert run.error["code"] == "interrupted"
    dead = RunFactory(
        owner=logs.owner,
        mode=Mode.REFINE,
        origin=logs,
        status=Status.RUNNING,
        lease_token=run.pk,
        lease_until=timezone.now() - timedelta(seconds=1),
    )
    assert recovery.fail_interrupted_runs() == 1
    dead.refresh_from_db()
    assert dead.error["code"] == "interrupted"


def test_refines_do_not_take_the_places_of_direct_queries(logs, settings):
    waiting = [endless(logs) for _ in range(settings.REFINES + 1)]
    waiting[-1].refresh_from_db()
    assert "2 refines at once" in waiting[-1].waiting_for
    for run in waiting:
        cancel_run(run)
        assert wait_for(run, LONG).status == Status.CANCELLED


def test_a_run_that_has_not_ended_cannot_be_refined(user):
    with pytest.raises(InvalidRefineError, match="has not ended yet"):
        refined(RunFactory(owner=user), "source logs")


def test_rows_that_are_gone_cannot_be_refined(logs):
    remove_rows(logs, reason="deleted")
    logs.refresh_from_db()
    with pytest.raises(InvalidRefineError, match="was deleted"):
        refined(logs, "source logs")


def test_a_run_without_rows_cannot_be_refined(user):
    with pytest.raises(InvalidRefineError, match="no rows"):
        refined(RunFactory(owner=user, status=Status.SUCCEEDED), "source logs")


def test_parts_that_are_gone_are_said_to_be(logs):
    for file in stored_results.result_dir(logs.result).iterdir():
        file.unlink()
    run = refined(logs, "source logs")
    assert run.status == Status.FAILED
    assert "gone" in run.error["message"]


def test_nobody_refines_what_they_may_not_see(logs):
    with pytest.raises(PermissionDenied):
        refined(logs, "source logs", owner=UserFactory())


def test_sharing_that_ended_before_it_began_ends_it(logs, monkeypatch):
    viewer, team = UserFactory(), TeamFactory()
    for member in (viewer, logs.owner):
        MembershipFactory(team=team, user=member)
    Run.objects.filter(pk=logs.pk).update(team=team)
    submit = executor.refine_executor.submit

    def unshared_first(run):
        Run.objects.filter(pk=logs.pk).update(team=None)
        submit(run)

    monkeypatch.setattr(executor.refine_executor, "submit", unshared_first)
    run = refined(logs, "source logs", owner=viewer)
    assert run.error["code"] == "origin_gone"
    assert run.rows_received == 0


def test_the_origin_stays_readable_when_its_refine_is_deleted(logs):
    run = refined(logs, "source logs")
    delete_run(run)
    assert len(rows_of(Run.objects.get(pk=logs.pk))) == 30
