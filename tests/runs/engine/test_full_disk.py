"""A run whose rows find no room, on a real and tiny file system; and columns that find none."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress

import pytest

from queries.models import Run, Status
from queries.results import Limits, StorageFullError
from queries.runs.engine import receiver
from queries.runs.engine.executor import direct_executor
from queries.runs.services import start_run
from tests.runs.engine import scripted_coralogix
from tests.runs.engine.published_rows import column_values

pytestmark = pytest.mark.django_db(transaction=True)
LONG = 30.0


@pytest.fixture
def tiny_disk(data_dir):
    """The folder of results on a file system of one megabyte."""
    folder = data_dir / "results"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
    if (
        os.geteuid() != 0
        or subprocess.run(command, check=False, capture_output=True).returncode
    ):
        pytest.skip("only root can mount, and not everywhere")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def ended(run) -> Run:
    assert direct_executor.wait(run.pk, LONG)
    return Run.objects.get(pk=run.pk)


def noise(first, count):
    """Rows that do not get smaller."""
    batch = scripted_coralogix.batch(first, count)
    for row in batch["result"]["results"]:
        row["labels"] = [{"key": "noise", "value": os.urandom(400).hex()}]
    return batch


def test_a_disk_full_of_rows_is_told_and_the_rows_before_can_be_read(
    make_request, upstream, tiny_disk
):
    batches = [noise(first, 500) for first in range(0, 5_000, 500)]
    upstream.on(
        scripted_coralogix.QUERY,
        scripted_coralogix.ndjson_reply(
            {"queryId": "q"}, *batches, scripted_coralogix.COMPLETED
        ),
    )
    run = ended(start_run(make_request()))
    assert (run.status, run.error["code"]) == (Status.FAILED, "storage")
    assert "no room left" in run.error["message"]
    stored = run.result.row_count
    assert 0 < stored == run.rows_received < 5_000
    assert column_values(run) == list(range(stored))
    assert not run.result.complete
    kept = set(run.result.parts.values_list("name", flat=True))
    assert {path.name for path in tiny_disk.rglob("*") if path.is_file()} == kept


def test_a_disk_too_full_to_compact_leaves_the_parts(
    make_request, upstream, monkeypatch
):
    def full(*_given):
        raise StorageFullError

    monkeypatch.setattr(receiver, "compact", full)
    upstream.on(
        scripted_coralogix.QUERY,
        scripted_coralogix.rows(1_200, scripted_coralogix.COMPLETED),
    )
    run = ended(start_run(make_request()))
    assert (run.status, run.error) == (Status.SUCCEEDED, None)
    assert run.result.parts.count() > 1
    assert column_values(run) == list(range(1_200))


def test_a_disk_that_fills_up_while_parts_are_merged_leaves_them(
    make_request, upstream, tiny_disk, monkeypatch
):
    filler, compact = tiny_disk / "filler", receiver.compact

    def on_a_full_disk(*given):
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        return compact(*given)

    monkeypatch.setattr(receiver, "compact", on_a_full_disk)
    upstream.on(
        scripted_coralogix.QUERY,
        scripted_coralogix.rows(1_200, scripted_coralogix.COMPLETED),
    )
    run = ended(start_run(make_request()))
    assert filler.exists()
    filler.unlink()
    assert (run.status, run.error) == (Status.SUCCEEDED, None)
    kept = set(run.result.parts.values_list("name", flat=True))
    assert len(kept) > 1
    assert {path.name for path in tiny_disk.rglob("*") if path.is_file()} == kept
    assert column_values(run) == list(range(1_200))


def test_columns_that_found_no_room_are_told_in_a_note(
    make_request, upstream, monkeypatch
):
    narrow = Limits(columns=1)
    writer = receiver.PartWriter
    monkeypatch.setattr(
        receiver,
        "PartWriter",
        lambda *given, **more: writer(*given, **more, limits=narrow),
    )
    run = ended(start_run(make_request()))
    assert run.status == Status.SUCCEEDED
    (note,) = (note for note in run.notes if "columns" in str(note))
    assert str(note).startswith("2 more places were found in the rows")
