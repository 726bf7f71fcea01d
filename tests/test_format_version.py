"""Rows that a newer version stored: every reader says so in plain words, and nothing removes or rewrites them."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from queries import stored_results
from queries.exports import builder, selection
from queries.exports import manifest as manifests
from queries.exports.formats import Report
from queries.models import Export, ResultSet, Run, Status
from queries.providers.errors import ProviderError
from queries.results import FORMAT_VERSION, UnknownFormatError
from queries.runs import refine as refine_services
from queries.runs import services as run_services
from queries.runs.engine import receiver, recovery, refine
from tests.factories import RunFactory
from tests.stored_results import log_rows, stored_run

NEWER = FORMAT_VERSION + 1
WHY = f"The rows are stored in format {NEWER}. This version of Querydeck reads formats up to {FORMAT_VERSION}."
REMEDY = "Upgrade Querydeck to the version that stored them, or run the query again."
PAGES = {
    "run_detail": {},
    "run_results": {"sort": "-$d.n", "q": "message"},
    "run_columns": {},
    "run_column": {"of": "$m.severity"},
    "run_condition": {"column": "$m.severity"},
    "run_timeline": {},
    "run_chart": {},
    "run_row": {},
    "run_refine": {},
}


@pytest.fixture
def run(user):
    """A run whose rows, columns included, a newer version stored."""
    run = stored_run(log_rows(30), owner=user)
    run.result.format_version = NEWER
    # What a newer version records of a column is not known either.
    run.result.columns = [{"path": ["$d", "n"], "types": 3}]
    run.result.save()
    return run


def address(name, run):
    return reverse(name, args=[run.pk, 3] if name == "run_row" else [run.pk])


@pytest.mark.parametrize("is_fragment", [False, True])
@pytest.mark.parametrize("name", PAGES)
def test_every_page_says_it(page, run, name, is_fragment):
    headers = {"HX-Request": "true"} if is_fragment else {}
    answer = page.get(address(name, run), PAGES[name], headers=headers)
    assert answer.status_code == 200
    assert WHY in answer.text
    assert REMEDY in answer.text


def test_the_page_of_the_run_says_it_in_place_of_the_rows(page, run):
    text = page.get(address("run_detail", run)).text
    assert "These rows were stored by a newer version" in text
    assert run.statement in text


@pytest.mark.parametrize(
    "query", [{"f": '["is","$d.n","1"]'}, {"edit": "0"}, {"fc": "$d.n", "fo": "is"}]
)
def test_an_address_with_a_filter_is_no_error(page, run, query):
    answer = page.get(address("run_results", run), query, follow=True)
    assert answer.status_code == 200
    assert WHY in answer.text


@pytest.mark.parametrize("name", ["run_export", "run_download", "run_export_estimate"])
def test_every_kind_of_file_is_refused(page, run, name):
    answer = page.post(address(name, run), {"format": "csv"}, follow=True)
    assert answer.status_code == 200
    assert WHY in answer.text
    assert not Export.objects.exists()


def test_an_export_that_waits_fails_in_words(run):
    request = selection.ExportRequest(owner=run.owner, run=run, format="csv")
    export = Export.objects.create(
        owner=run.owner,
        run=run,
        result_set=run.result,
        format="csv",
        file_name="rows.csv",
        options=request.as_dict(),
        next_at=timezone.now(),
    )
    builder.build_export(str(export.pk), by_worker=False)
    export.refresh_from_db()
    assert export.status == Status.FAILED
    assert export.error["message"] == WHY
    assert export.error["remedy"] == REMEDY
    assert not builder.export_dir(export).exists()


def test_the_manifest_of_a_file_by_the_provider_needs_no_rows(run):
    request = selection.ExportRequest(owner=run.owner, run=run, format="csv")
    manifest = manifests.provider_file_manifest(request, run.result, Report(rows=1))
    assert manifest["chosen"]["column_names"] == []
    assert manifest["result"]["rows"] == 30


def test_a_refine_is_refused_before_it_starts(page, run):
    request = refine_services.RefineRequest(
        owner=run.owner, origin=run, statement="source logs"
    )
    with pytest.raises(refine_services.InvalidRefineError, match="stored in format"):
        refine_services.start_refine(request)
    answer = page.post(
        address("run_refine", run), {"statement": "source logs", "language": "sql"}
    )
    assert answer.status_code == 409
    assert WHY in answer.text


@pytest.mark.parametrize("language", ["dataprime", "sql"])
def test_a_refine_that_waits_fails_in_words(run, language):
    waiting = RunFactory(
        owner=run.owner,
        origin=run,
        mode="refine",
        statement="source logs",
        settings={"language": language},
    )
    received = refine.execute_refine(SimpleNamespace(run=waiting))
    assert isinstance(received.error, ProviderError)
    assert received.error.message == WHY
    assert received.error.remedy == REMEDY


def test_a_new_run_from_its_filters_has_the_statement_alone(page, run):
    query = {"run": run.pk, "f": '["is","$d.n","1"]'}
    answer = page.get(reverse("run_new"), query)
    assert answer.status_code == 200
    assert run.statement in answer.text


@pytest.mark.parametrize(
    "read", [stored_results.open_result, stored_results.stored_columns]
)
@pytest.mark.parametrize("version", [0, NEWER])
def test_no_reader_opens_it(run, read, version):
    run.result.format_version = version
    with pytest.raises(UnknownFormatError) as failure:
        read(run.result)
    assert str(version) in failure.value.reason


def test_compaction_leaves_it_alone(run, data_dir):
    files = sorted(data_dir.rglob("*.parquet"))
    part = run.result.parts.get()
    run.result.parts.create(seq=1, name="x", first_row=30, rows=1, size=1)
    receiver.compact_parts(SimpleNamespace(run=run), run.result)
    assert sorted(data_dir.rglob("*.parquet")) == files
    assert run.result.parts.first() == part


def test_recovery_keeps_its_files_and_removes_them_when_they_expire(run, data_dir):
    assert recovery.delete_orphan_files(min_age=0) == 0
    recovery.recover()
    assert list(data_dir.rglob("*.parquet"))
    Run.objects.update(expires_at=timezone.now() - timedelta(days=1))
    assert recovery.expire_results() == 1
    assert not list(data_dir.rglob("*.parquet"))


def test_recovery_ends_an_interrupted_run_that_has_it(run):
    past = timezone.now() - timedelta(hours=1)
    Run.objects.update(status=Status.FETCHING, lease_until=past, lease_token=uuid4())
    assert recovery.fail_interrupted_runs() == 1
    run.refresh_from_db()
    assert run.status == Status.FAILED


def test_it_can_be_deleted(run, data_dir):
    run_services.delete_rows(run)
    assert not ResultSet.objects.exists()
    assert not list(data_dir.rglob("*.parquet"))


def test_new_results_carry_the_version_of_their_writer(run, monkeypatch):
    monkeypatch.setattr(receiver, "FORMAT_VERSION", 7)
    monkeypatch.setattr(receiver.Receiver, "_renew", lambda *_: None)
    stream_receiver = receiver.Receiver(SimpleNamespace(run=run), SimpleNamespace(), {})
    stream_receiver.result_set.refresh_from_db()
    assert stream_receiver.result_set.format_version == 7


def test_results_of_the_first_release_have_version_1():
    assert ResultSet().format_version == 1
