"""Manifests: the content and source of a file, without secrets."""

from __future__ import annotations

import io
import json
import zipfile

import pyarrow.parquet as pq
import pytest
from django.urls import reverse

from queries.exports import builder, selection
from queries.exports import services as export_services
from queries.exports.selection import ExportRequest
from queries.models import Export
from queries.results import Condition
from queries.runs.services import delete_rows
from tests.factories import KEY
from tests.stored_results import log_rows, stored_run


@pytest.fixture
def run(user, data_dir):
    return stored_run(log_rows(30), owner=user)


def made(run, **chosen):
    return export_services.start_export(
        ExportRequest(**{"owner": run.owner, "run": run, "format": "csv"} | chosen)
    )


def manifest(page, export):
    response = page.get(reverse("export_manifest", args=[export.pk]))
    name = f"{export.file_name}.manifest.json"
    assert f'filename="{name}"' in response.headers["Content-Disposition"]
    return json.loads(response.content)


def test_a_manifest_describes_the_file_and_its_source(page, run, settings):
    view = selection.GridState(
        sorts=("-$d.n",),
        conditions=(Condition("$d.n", "between", ("5", "")),),
        columns=("$d.n", "$d.message"),
    )
    export = made(run, view=view, as_shown=True, columns="shown", limit=10)
    told = manifest(page, export)
    assert told["product"] == {"name": "Querydeck", "version": settings.VERSION}
    assert told["made_by"] == run.owner.name
    assert told["run"]["statement"] == run.statement
    assert told["run"]["language"] == "dataprime"
    assert told["run"]["connection"] == run.connection_name
    assert told["run"]["mode"] == "direct"
    assert told["run"]["time_range"]["from"] == run.starts_at.isoformat()
    assert told["result"] == {
        "rows": 30,
        "complete": True,
        "cuts": [],
        "columns": len(run.result.columns),
        "columns_left_out": 0,
    }
    assert told["chosen"]["sort"] == ["-$d.n"]
    assert told["chosen"]["column_names"] == ["$d.n", "$d.message"]
    assert told["chosen"]["filter"]["conditions"][0]["values"] == ["5", ""]
    assert told["file"]["rows"] == 10
    assert told["file"]["sha256"] == export.sha256
    assert told["file"]["size"] == export.size


def test_a_manifest_contains_no_key_address_or_email(page, run):
    text = json.dumps(manifest(page, made(run)))
    for secret in (KEY, run.connection.origin, run.owner.email):
        assert secret not in text


def test_a_manifest_lists_what_truncated_the_result(page, run):
    run.result.complete = False
    run.result.cuts = [{"code": "rows", "message": "Our limit of rows was reached."}]
    run.result.save()
    assert manifest(page, made(run))["result"]["cuts"] == [
        "Our limit of rows was reached."
    ]


def test_a_file_of_columns_notes_the_values_without_a_column(page, run):
    run.result.columns_dropped = 1_234
    run.result.save()
    export = made(run)
    assert manifest(page, export)["result"]["columns_left_out"] == 1_234
    said = "1,234 more places were found in the rows than a result may have columns."
    text = page.get(reverse("export_detail", args=[export.pk])).text
    assert said in text
    originals = made(run, format="json", columns="original")
    text = page.get(reverse("export_detail", args=[originals.pk])).text
    assert said not in text


def test_notes_on_missing_data_survive_deleting_the_rows(page, run):
    run.result.complete = False
    run.result.save()
    export = made(run)
    delete_rows(run)
    text = page.get(reverse("export_detail", args=[export.pk])).text
    assert "The result is incomplete." in text


def test_a_zip_has_the_same_manifest_without_its_own_hash(page, run):
    export = made(run, compression="zip")
    beside = manifest(page, export)
    with zipfile.ZipFile(builder.file_path(export)) as archive:
        inside = json.loads(archive.read(archive.namelist()[-1]))
    for name in ("sha256", "size"):
        del beside["file"][name]
        inside["file"].pop(name, None)
    del beside["made_at"], inside["made_at"]
    assert inside == beside


def test_a_parquet_file_embeds_its_manifest(run):
    data = builder.file_path(made(run, format="parquet")).read_bytes()
    told = pq.read_metadata(io.BytesIO(data)).metadata[b"querydeck.manifest"]
    assert json.loads(told)["run"]["id"] == str(run.pk)


def test_a_manifest_counts_changed_cells(page, user, data_dir):
    run = stored_run([{"=name": "=1+1", "n": 2**60}], owner=user)
    told = manifest(page, made(run, format="xlsx"))
    assert told["changed"]["cells_neutralised"] == 2
    assert told["changed"]["cells_as_text"] == 1


def test_the_manifest_of_a_refine_has_its_language_and_origin(page, run):
    refine = stored_run(
        [{"count": 30}],
        owner=run.owner,
        mode="refine",
        origin=run,
        statement="SELECT count(*) AS count FROM rows",
        settings={"language": "sql"},
    )
    told = manifest(page, made(refine))["run"]
    assert (told["language"], told["mode"]) == ("sql", "refine")
    assert told["origin"] == str(run.pk)
    assert manifest(page, made(run))["run"]["origin"] is None


def test_an_unfinished_export_has_no_manifest(page, run, monkeypatch):
    monkeypatch.setattr(export_services, "_is_small", lambda *_: False)
    export = made(run)
    address = reverse("export_manifest", args=[export.pk])
    assert page.get(address).status_code == 404
    assert Export.objects.get().report == {}
