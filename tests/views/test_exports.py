"""Exports: chosen on the grid, made from stored rows, downloaded safely, gone when they expire."""

from __future__ import annotations

import csv
import importlib
import io
import json
import os
import socket
import time
import uuid
import zipfile
from datetime import timedelta

import openpyxl
import pytest
from django.apps import apps
from django.urls import reverse
from django.utils import timezone

from queries import stored_results
from queries.exports import builder, selection
from queries.exports import services as export_services
from queries.exports.selection import ExportRequest
from queries.models import Export, Status
from queries.views.exports import SEND_TIMEOUT_SECONDS
from tests.factories import ExportFactory, MembershipFactory, RunFactory
from tests.stored_results import log_rows, stored_run


@pytest.fixture
def run(user):
    return stored_run(log_rows(120), owner=user)


def make(page, run, **choices):
    """Ask for a file; gives the response after the redirects."""
    choices = {"format": "json", "rows": "all"} | choices
    return taken(page.post(reverse("run_export", args=[run.pk]), choices, follow=True))


def taken(response):
    """The response, read to its end if it is a file, with the bytes in ``file``."""
    if response.streaming:
        response.file = b"".join(response.streaming_content)
    return response


def content(response) -> bytes:
    return response.file


def test_a_small_file_downloads_at_once_and_stays_listed(page, run):
    response = make(page, run)
    assert response.headers["Content-Disposition"].startswith("attachment;")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    rows = json.loads(content(response))
    assert [row["$d.n"] for row in rows] == list(range(120))
    assert Export.objects.get().file_name in page.get("/exports/").text


def test_original_rows_come_out_byte_for_byte(page, user):
    rows = [{"n": 2**63 + 1, "text": "é\u0000", "f": [1, {"x": None}]}]
    run = stored_run(rows, owner=user)
    lines = content(make(page, run, format="ndjson", columns="original")).splitlines()
    assert [json.loads(line) for line in lines] == rows


def test_a_csv_holds_the_rows_as_shown(page, run):
    response = make(
        page,
        run,
        format="csv",
        columns="shown",
        as_shown="1",
        view="col=$d.n&col=$d.message&sort=-$d.n&q=message+1",
    )
    table = list(csv.reader(io.StringIO(content(response).decode("utf-8-sig"))))
    assert table[0] == ["$d.n", "$d.message"]
    assert [row[0] for row in table[1:]] == [
        *map(str, range(119, 99, -1)),
        *map(str, range(19, 9, -1)),
        "1",
    ]


def test_without_as_shown_the_whole_result_is_written(page, run):
    response = make(page, run, view="sort=-$d.n&q=message+1")
    assert len(json.loads(content(response))) == 120


def test_the_first_rows_are_ten_thousand_unless_said_otherwise(page, run):
    assert len(json.loads(content(make(page, run, rows="first", limit="7")))) == 7
    make(page, run, rows="first")
    assert Export.objects.latest("created_at").options["limit"] == 10_000


def test_an_xlsx_keeps_numbers_as_numbers(page, run):
    response = make(page, run, format="xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(content(response))).worksheets[0]
    header = [cell.value for cell in sheet[1]]
    assert sheet.cell(5, header.index("$d.n") + 1).value == 3
    assert sheet.max_row == 121


def test_a_zipped_file_holds_the_file_under_its_own_name(page, run):
    response = make(page, run, format="csv", compression="zip", file_name="my rows")
    with zipfile.ZipFile(io.BytesIO(content(response))) as archive:
        assert archive.namelist() == ["my rows.csv", "manifest.json"]
        assert archive.read("my rows.csv").count(b"\r\n") == 121
    assert response.headers["Content-Type"] == "application/zip"


@pytest.mark.parametrize("name", ["manifest", "Manifest.json"])
def test_a_file_called_like_its_manifest_is_not_overwritten_by_it(page, run, name):
    response = make(page, run, compression="zip", file_name=name)
    with zipfile.ZipFile(io.BytesIO(content(response))) as archive:
        data, manifest = archive.namelist()
        assert len(json.loads(archive.read(data))) == 120
        assert "statement" in json.loads(archive.read(manifest))["run"]
    assert manifest.lower() == "manifest.json.manifest.json"


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        'a"\r\nSet-Cookie: x=1',
        "..",
        "con",
        "/",
        "日本語 — ré\u202e",
    ],
)
def test_no_file_name_leaves_its_folder_or_breaks_a_header(page, run, name, data_dir):
    response = make(page, run, file_name=name)
    assert response.status_code == 200
    assert "Set-Cookie: x" not in str(response.headers["Content-Disposition"])
    [file] = [path for path in (data_dir / "exports").rglob("*") if path.is_file()]
    assert file.parent.parent == data_dir / "exports"


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"format": "exe"}, "The file was not made."),
        ({"limit": "0", "rows": "first"}, "The file was not made."),
        (
            {"format": "csv", "columns": "original"},
            "cannot hold raw rows. Choose JSON or NDJSON",
        ),
    ],
)
def test_a_bad_choice_is_told_and_makes_nothing(page, run, choices, words):
    assert words in make(page, run, **choices).text
    assert not Export.objects.exists()


def test_a_run_without_rows_cannot_be_exported(page, user):
    assert (
        "has no rows" in make(page, RunFactory(owner=user, status=Status.FAILED)).text
    )
    assert "has not ended yet" in make(page, RunFactory(owner=user)).text


@pytest.fixture
def large(monkeypatch):
    """Every export counts as large: a worker has to build it."""
    monkeypatch.setattr(export_services, "_is_small", lambda *_: False)


def test_a_large_file_is_built_by_the_worker_and_watched(page, run, large):
    text = make(page, run).text
    assert "0 of 120 rows" in text
    assert 'hx-trigger="every 2s, refresh"' in text
    export = Export.objects.get()
    builder.build_export(str(export.pk))
    text = page.get(
        reverse("export_detail", args=[export.pk]), headers={"HX-Request": "true"}
    ).text
    assert "Ready" in text
    assert "<html" not in text
    assert "every" not in text


def test_the_same_file_asked_for_twice_is_made_once(page, run, large):
    make(page, run)
    export = Export.objects.get()
    assert "This file was requested a moment ago." in make(page, run).text
    builder.build_export(str(export.pk))
    first, second = content(make(page, run)), content(make(page, run))
    assert json.loads(first) == json.loads(second)
    assert Export.objects.get() == export


@pytest.mark.parametrize(
    "other",
    [
        {"format": "ndjson"},
        {"rows": "first", "limit": "7"},
        {"compression": "gzip"},
        {"columns": "shown", "view": "col=$d.n"},
        {"as_shown": "1", "view": "sort=-$d.n"},
        {"file_name": "another"},
    ],
)
def test_a_file_of_other_choices_is_another_file(page, run, large, other):
    make(page, run)
    make(page, run, **other)
    assert Export.objects.count() == 2


def test_a_file_asked_for_again_later_or_after_a_cancel_is_made_anew(page, run, large):
    make(page, run)
    first = Export.objects.get()
    page.post(reverse("export_cancel", args=[first.pk]))
    make(page, run)
    second = Export.objects.exclude(pk=first.pk).get()
    builder.build_export(str(second.pk))
    long_ago = timezone.now() - export_services.DUPLICATE_WINDOW
    Export.objects.filter(pk=second.pk).update(finished_at=long_ago)
    make(page, run)
    assert Export.objects.count() == 3


def test_a_teammates_equal_file_is_their_own(page, client, run, large):
    membership = MembershipFactory(user=run.owner)
    colleague = MembershipFactory(team=membership.team)
    run.team = membership.team
    run.save()
    make(page, run)
    client.force_login(colleague.user)
    make(client, run)
    assert {export.owner for export in Export.objects.all()} == {
        run.owner,
        colleague.user,
    }


def test_building_twice_makes_one_file(page, run, large, data_dir):
    make(page, run)
    export = Export.objects.get()
    builder.build_export(str(export.pk))
    made = builder.file_path(export).stat().st_mtime_ns
    builder.build_export(str(export.pk))
    assert builder.file_path(export).stat().st_mtime_ns == made


def test_cancelling_before_and_during_the_build_leaves_no_file(
    page, run, large, data_dir, monkeypatch
):
    make(page, run)
    export = Export.objects.get()
    page.post(reverse("export_cancel", args=[export.pk]))
    builder.build_export(str(export.pk))
    export.refresh_from_db()
    assert export.status == Status.CANCELLED

    make(page, run)
    export = Export.objects.exclude(pk=export.pk).get()
    monkeypatch.setattr(builder, "PROGRESS_INTERVAL", timedelta(0))
    write = builder.write

    def cancelled_meanwhile(*args, **kwargs):
        export_services.cancel_export(export)
        return write(*args, **kwargs)

    monkeypatch.setattr(builder, "write", cancelled_meanwhile)
    builder.build_export(str(export.pk))
    export.refresh_from_db()
    assert export.status == Status.CANCELLED
    assert not [path for path in (data_dir / "exports").rglob("*") if path.is_file()]


def test_rows_that_vanished_fail_the_export_in_words(page, run, large, data_dir):
    make(page, run)
    for file in data_dir.rglob("*.parquet"):
        file.unlink()
    export = Export.objects.get()
    builder.build_export(str(export.pk))
    text = page.get(reverse("export_detail", args=[export.pk])).text
    assert "Export failed" in text
    assert not (data_dir / "exports" / str(export.pk)).exists()


def test_a_full_disk_fails_the_export_in_words(page, run, large, monkeypatch, data_dir):
    make(page, run)

    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(builder, "write", full)
    export = Export.objects.get()
    builder.build_export(str(export.pk))
    export.refresh_from_db()
    assert export.status == Status.FAILED
    assert export.error["message"].startswith("The server's disk is full.")
    assert export.size == 0
    assert not builder.export_dir(export).exists()


def test_a_build_that_keeps_dying_is_given_up(run, large):
    export = ExportFactory(
        run=run,
        options=export_services.ExportRequest(
            owner=run.owner, run=run, format="csv"
        ).as_dict(),
    )
    export.claims = builder.MAX_ATTEMPTS
    export.save()
    builder.build_export(str(export.pk))
    export.refresh_from_db()
    assert export.status == Status.FAILED


def test_the_sweep_rings_again_for_a_build_that_stands_still(run, large, monkeypatch):
    rung = []
    monkeypatch.setattr(
        export_services.queue, "enqueue", lambda task, pk: rung.append((task, pk))
    )
    still = ExportFactory(run=run, next_at=timezone.now() - timedelta(minutes=2))
    ExportFactory(run=run, next_at=timezone.now())
    export_services.recover_exports()
    assert rung == [(export_services.queue.BUILD_EXPORT, str(still.pk))]


def test_an_expired_file_is_removed_and_says_so(page, run):
    make(page, run)
    export = Export.objects.get()
    Export.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    export_services.recover_exports()
    assert not builder.file_path(export).exists()
    assert page.get(reverse("export_download", args=[export.pk])).status_code == 404
    assert "Expired" in page.get(reverse("export_detail", args=[export.pk])).text


def test_deleting_an_export_removes_the_file(page, run):
    make(page, run)
    export = Export.objects.get()
    page.post(reverse("export_delete", args=[export.pk]))
    assert not Export.objects.exists()
    assert not builder.file_path(export).exists()


def test_files_that_no_export_names_are_removed_once_nobody_can_be_making_them(
    page, run, data_dir
):
    make(page, run)
    export = Export.objects.get()
    left = data_dir / "exports" / str(uuid.uuid4())
    new = data_dir / "exports" / str(uuid.uuid4())
    for folder in (left, new):
        folder.mkdir()
        (folder / "rows.csv").write_bytes(b"1")
    long_ago = time.time() - 7_200
    for folder in (left, builder.export_dir(export)):
        os.utime(folder, (long_ago, long_ago))
    export_services.delete_orphan_files()
    assert not left.exists()
    assert new.exists()
    assert builder.file_path(export).exists()


def test_a_reader_who_has_gone_does_not_keep_a_thread_of_the_server(page, run):
    make(page, run)
    address = reverse("export_download", args=[Export.objects.get().pk])
    mine, theirs = socket.socketpair()
    with mine, theirs:
        response = taken(page.get(address, **{"gunicorn.socket": mine}))
        assert response.status_code == 200
        assert mine.gettimeout() == SEND_TIMEOUT_SECONDS


def test_an_export_made_before_there_were_more_choices_keeps_its_own(run):
    old = {
        "columns": ["$d.n"],
        "original": False,
        "limit": 5,
        "sort": "-$d.n",
        "q": "message",
        "column": "",
        "zip": True,
        "zone": "Europe/Berlin",
        "rows_there": 120,
    }
    plain = dict.fromkeys(("sort", "q", "column"), "") | {"columns": [], "zip": False}
    sorted_one = ExportFactory(run=run, options=old)
    originals = ExportFactory(
        run=run, format="json", options=old | plain | {"original": True}
    )
    everything = ExportFactory(run=run, options=old | plain)
    migration = importlib.import_module("queries.migrations.0003_export_choices")
    for _ in range(2):
        migration.respell(apps, None)
        for export in (sorted_one, originals, everything):
            export.refresh_from_db()
    assert export_services.export_media_type(sorted_one) == "application/zip"
    wanted = ExportRequest.from_export(sorted_one)
    assert (wanted.limit, str(wanted.zone)) == (5, "Europe/Berlin")
    known = stored_results.stored_columns(run.result)
    with selection.open_rows(wanted, run.result) as rows:
        assert [column.name for column in rows.columns] == ["$d.n"]
        assert next(rows.batches).column(0).to_pylist() == [119, 118, 117, 116, 115]
    assert ExportRequest.from_export(originals).options.original
    assert (
        selection.selected_columns(ExportRequest.from_export(everything), known)
        == known
    )


def test_a_teammate_cannot_touch_an_export_and_access_ends_with_the_membership(
    client, user
):
    membership = MembershipFactory(user=user)
    colleague = MembershipFactory(team=membership.team)
    run = stored_run(log_rows(3), owner=user, team=membership.team)
    client.force_login(colleague.user)
    response = make(client, run)
    assert len(json.loads(content(response))) == 3
    export = Export.objects.get()
    client.force_login(user)
    assert client.get(reverse("export_download", args=[export.pk])).status_code == 404
    colleague.delete()
    client.force_login(export.owner)
    assert client.get(reverse("export_download", args=[export.pk])).status_code == 404


def test_what_was_changed_for_the_format_is_said(user):
    report = {
        "cells_cut": 1200,
        "cells_neutralised": 3,
        "cells_as_text": 4,
        "sheets": 2,
        "values_quoted": 5,
    }
    export = ExportFactory.build(report=report, run=None, owner=user, complete=True)
    notes = list(export_services.export_notes(export))
    assert len(notes) == 5
    assert notes[0].startswith("1,200 cells were truncated")


def test_a_providers_file_of_the_first_rows_calls_no_result_incomplete(run):
    made = {"made_by": builder.MADE_BY_PROVIDER, "limit": 5}
    export = ExportFactory(run=run, result_set=run.result, options=made)
    assert [note[:12] for note in export_services.export_notes(export)] == [
        "The provider"
    ]


def test_an_empty_list_says_what_to_do(page):
    assert "No exports yet" in page.get("/exports/").text


def test_a_file_that_holds_only_the_first_rows_says_so(page, run):
    make(page, run, rows="first", limit="7")
    text = page.get(reverse("export_detail", args=[Export.objects.get().pk])).text
    assert "the first 7 of 120 rows" in text


def test_a_builder_that_lost_its_lease_leaves_the_winner_alone(
    page, run, large, monkeypatch, data_dir
):
    make(page, run)
    export = Export.objects.get()
    write = builder.write

    def overtaken(*args, **kwargs):
        monkeypatch.setattr(builder, "write", write)
        Export.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        builder.build_export(str(export.pk))
        return write(*args, **kwargs)

    monkeypatch.setattr(builder, "write", overtaken)
    builder.build_export(str(export.pk))
    export.refresh_from_db()
    assert export.status == Status.SUCCEEDED
    assert [path.name for path in builder.export_dir(export).rglob("*")] == [
        export.file_name
    ]


def test_what_a_killed_builder_left_is_cleared_away(page, run, large):
    make(page, run)
    export = Export.objects.get()
    left = builder.export_dir(export) / ".dead" / ".half.part"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    builder.build_export(str(export.pk))
    assert [path.name for path in builder.export_dir(export).rglob("*")] == [
        export.file_name
    ]


def test_a_worker_leaves_a_build_for_later_while_the_others_are_busy(
    page, run, large, monkeypatch
):
    make(page, run)
    export = Export.objects.get()
    rung = []
    monkeypatch.setattr(builder.worker_limits, "at_capacity", lambda: True)
    monkeypatch.setattr(builder.queue, "enqueue", lambda *args, at: rung.append(args))
    builder.build_export(str(export.pk))
    export.refresh_from_db()
    assert export.status == Status.QUEUED
    assert rung == [(builder.queue.BUILD_EXPORT, str(export.pk))]
