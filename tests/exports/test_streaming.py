"""Streams that go wrong: what the reader of one is told, and that nothing is held on to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from queries import stored_results
from queries.exports import streaming
from queries.exports.selection import ExportRequest
from queries.results import ResultError
from tests.factories import UserFactory
from tests.stored_results import log_rows, stored_run


@pytest.fixture
def request_of(user, data_dir):
    run = stored_run(log_rows(200), owner=user)
    return ExportRequest(owner=user, run=run, format="csv")


@pytest.fixture(autouse=True)
def no_slot_is_left_taken():
    yield
    assert streaming.slots.in_use == 0


def begun(request):
    return streaming.Download(request, stored_results.available_result(request.run))


def test_a_download_is_the_complete_file_and_reports_rows_and_size(request_of):
    download = begun(request_of)
    data = b"".join(download)
    download.close()
    assert data.count(b"\r\n") == 201
    assert (download.report.rows, download.report.size) == (200, len(data))


def test_unreadable_rows_raise_before_the_first_byte(request_of, data_dir):
    for file in data_dir.rglob("*.parquet"):
        file.write_bytes(b"PAR1 and no more")
    with pytest.raises(ResultError):
        begun(request_of)


def test_a_download_beyond_the_time_limit_breaks(request_of, settings):
    settings.DOWNLOAD_SECONDS = 0
    download = begun(request_of)
    with pytest.raises(streaming.TooSlowError):
        list(download)
    download.close()


def test_a_closed_download_releases_its_slot_once(request_of):
    download = begun(request_of)
    next(iter(download))
    assert streaming.slots.in_use == 1
    download.close()
    download.close()
    assert streaming.slots.in_use == 0


def test_a_user_has_at_most_half_of_the_slots(request_of, settings):
    settings.DOWNLOADS = 3
    mine = [begun(request_of), begun(request_of)]
    with pytest.raises(streaming.NoSlotError, match="You have 2 downloads running"):
        begun(request_of)
    theirs = replace(request_of, owner=UserFactory())
    begun(theirs).close()
    mine.pop().close()
    mine.append(begun(request_of))
    for download in mine:
        download.close()


def test_downloads_are_refused_when_all_slots_are_in_use(request_of, settings):
    settings.DOWNLOADS = 1
    first = begun(request_of)
    with pytest.raises(streaming.NoSlotError, match="All 1 download slots are in use"):
        begun(request_of)
    first.close()
    begun(request_of).close()


def test_a_download_is_sent_in_chunks_of_limited_size(request_of, monkeypatch):
    monkeypatch.setattr(streaming, "CHUNK_BYTES", 100)
    download = begun(request_of)
    assert max(map(len, download)) == 100
    download.close()
