"""Room for exports: promised by an estimate, kept while building, told with what to delete."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.urls import reverse

from queries import quota
from queries.exports import builder, selection
from queries.exports import services as export_services
from queries.exports.formats import FORMATS
from queries.exports.selection import ExportRequest
from queries.models import Export, Status
from queries.results import Condition, ConditionError
from tests.factories import ExportFactory, UserFactory
from tests.markup import one_line
from tests.stored_results import log_rows, stored_run


@pytest.fixture
def run(user, data_dir):
    return stored_run(log_rows(2_000), owner=user)


@pytest.fixture
def large(monkeypatch):
    """Every export counts as large: a worker has to build it."""
    monkeypatch.setattr(export_services, "_is_small", lambda *_: False)


def kept(run, size, **changes):
    """A finished export that takes this room."""
    return ExportFactory(
        **{"run": run, "status": Status.SUCCEEDED, "size": size} | changes
    )


def files_in(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("form", FORMATS)
def test_an_estimate_is_near_the_size_of_the_file(user, run, form):
    export = export_services.start_export(
        ExportRequest(owner=user, run=run, format=form)
    )
    expected = selection.estimate(
        ExportRequest(owner=user, run=run, format=form), run.result
    )
    assert expected.rows == export.rows_done == 2_000
    assert export.size / 2 < expected.size < export.size * 2.5


def test_an_estimate_counts_the_rows_that_the_filter_lets_pass(user, run):
    view = selection.GridState(q="message 19")
    request = ExportRequest(owner=user, run=run, format="csv", view=view, as_shown=True)
    assert selection.estimate(request, run.result).rows == 111


def test_a_filter_that_cannot_be_used_is_told_before_a_file_is_begun(user, run):
    view = selection.GridState(conditions=(Condition("$d.message", "matches", ("(",)),))
    wanted = ExportRequest(owner=user, run=run, format="csv", view=view, as_shown=True)
    with pytest.raises(ConditionError):
        export_services.start_export(wanted)
    assert not Export.objects.exists()


def test_more_than_a_persons_share_is_refused_with_what_to_delete(user, run, settings):
    settings.EXPORT_USER_BYTES = 1_000_000
    kept(run, 600_000, file_name="large.csv")
    kept(run, 390_000, file_name="smaller.csv")
    request = ExportRequest(owner=user, run=run, format="csv")
    with pytest.raises(selection.ExportRefusedError) as refused:
        export_services.start_export(request)
    said = str(refused.value)
    assert "use 966.8 KB of 976.6 KB" in said
    assert "the largest: large.csv (585.9 KB), smaller.csv (380.9 KB)" in said
    assert Export.objects.count() == 2


def test_what_has_expired_failed_or_belongs_to_others_takes_none_of_it(user, run):
    kept(run, 5, file_removed_at=run.created_at)
    kept(run, 50, status=Status.FAILED)
    kept(run, 500)
    kept(run, 5_000, owner=UserFactory())
    used = quota.export_usage(user)
    assert (used.user_bytes, used.total_bytes) == (500, 5_500)


def test_all_exports_together_have_a_limit_too(user, run, settings):
    settings.EXPORT_BYTES = 1_000_000
    kept(run, 990_000, owner=UserFactory())
    with pytest.raises(selection.ExportRefusedError, match="Export storage is full"):
        export_services.start_export(ExportRequest(owner=user, run=run, format="csv"))


def test_a_file_larger_than_the_disk_has_room_for_is_not_begun(user, run, monkeypatch):
    monkeypatch.setattr(quota, "DISK_RESERVE", 10**18)
    with pytest.raises(
        selection.ExportRefusedError, match="more than the server's disk has free"
    ):
        export_services.start_export(ExportRequest(owner=user, run=run, format="csv"))


def test_room_is_promised_to_an_export_that_waits(user, run, settings, large):
    request = ExportRequest(owner=user, run=run, format="csv")
    waiting = export_services.start_export(request)
    settings.EXPORT_USER_BYTES = waiting.size * 3 // 2
    with pytest.raises(selection.ExportRefusedError, match="Your exports use"):
        export_services.start_export(replace(request, limit=1_990))
    assert export_services.start_export(request) == waiting


def test_a_file_that_outgrows_its_room_is_stopped_and_leaves_nothing(
    user, run, settings, large, data_dir
):
    settings.EXPORT_USER_BYTES = 10_000_000
    export = export_services.start_export(
        ExportRequest(owner=user, run=run, format="json")
    )
    settings.EXPORT_USER_BYTES = 50_000
    builder.build_export(str(export.pk))
    export.refresh_from_db()
    assert export.status == Status.FAILED
    assert export.error["title"] == "Not enough storage for the file"
    assert "of 48.8 KB; this file needs" in export.error["message"]
    assert export.size == 0
    assert not files_in(data_dir / "exports")


def test_the_list_of_exports_shows_what_is_used(page, user, run):
    kept(run, 1_234_000)
    text = one_line(page.get("/exports/").text).replace("\N{NO-BREAK SPACE}", " ")
    assert "Your exports use 1.2 MB of the 4.7 GB" in text


def test_the_menu_tells_how_large_the_file_will_be(page, run):
    address = reverse("run_export_estimate", args=[run.pk])
    choices = {"format": "csv", "rows": "first", "limit": "10"}
    text = one_line(page.post(address, choices).text)
    assert "10 rows of 7 columns" in text
    text = page.post(address, {"format": "csv", "columns": "original"}).text
    assert "cannot hold raw rows. Choose JSON or NDJSON" in text
    text = page.post(address, {"format": "xlsx", "compression": "gzip"}).text
    assert "already compressed" in text
