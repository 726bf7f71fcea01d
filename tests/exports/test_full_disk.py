"""A disk that fills up during an export. A real, tiny file system: only that is full for every call."""

from __future__ import annotations

import os
import subprocess

import pytest

from queries.exports import builder
from queries.exports import services as export_services
from queries.exports.formats import FORMATS
from queries.exports.selection import ExportRequest
from queries.models import Export, Status
from tests.stored_results import log_rows, stored_run

MEGABYTES = 1


@pytest.fixture
def tiny_disk(data_dir):
    """The folder of exports on a file system of one megabyte."""
    folder = data_dir / "exports"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "none", str(folder)]
    if (
        os.geteuid() != 0
        or subprocess.run(command, check=False, capture_output=True).returncode
    ):
        pytest.skip("only root can mount, and not everywhere")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("form", FORMATS)
def test_a_full_disk_fails_the_export_and_leaves_no_file(
    user, tiny_disk, monkeypatch, form
):
    monkeypatch.setattr(export_services, "_is_small", lambda *_: False)
    rows = ({**row, "noise": os.urandom(300).hex()} for row in log_rows(8_000))
    run = stored_run(rows, owner=user)
    export = export_services.start_export(
        ExportRequest(owner=user, run=run, format=form)
    )
    builder.build_export(str(export.pk))
    export.refresh_from_db()
    assert export.status == Status.FAILED
    assert export.error["message"].startswith("The server's disk is full.")
    assert list(tiny_disk.rglob("*")) == []
    small = ExportRequest(owner=user, run=run, format=form, limit=100)
    export = export_services.start_export(small)
    builder.build_export(str(export.pk))
    assert Export.objects.get(pk=export.pk).status == Status.SUCCEEDED
