"""Tests of all formats: complete files or none, bounded memory, safe names."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import weakref
import zipfile
from dataclasses import asdict

import pyarrow as pa
import pytest

from queries.exports.formats import (
    FORMATS,
    FormatError,
    Options,
    extension,
    media_type,
    safe_file_name,
    stream,
    write,
)
from tests.exports.formats.rows import batch, batches, columns, made, read_csv

ALL = pytest.mark.parametrize("slug", FORMATS)
#: Parquet holds back a row group, which test_parquet.py is about.
BY_THE_BATCH = pytest.mark.parametrize("slug", [s for s in FORMATS if s != "parquet"])
SHOWN = columns(a="text", n="integer")
ROWS = [(f"text {number}", number) for number in range(30)]


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "exports"
    folder.mkdir()
    return folder


def test_six_formats_are_offered():
    assert [(each.slug, each.extension) for each in FORMATS.values()] == [
        ("json", "json"),
        ("ndjson", "ndjson"),
        ("csv", "csv"),
        ("tsv", "tsv"),
        ("xlsx", "xlsx"),
        ("parquet", "parquet"),
    ]


@ALL
def test_a_written_file_is_the_streamed_one_and_is_reported(slug, folder):
    told = []
    file = folder / "out"
    report = write(
        slug,
        file,
        SHOWN,
        batches(SHOWN, ROWS, 10),
        progress=lambda *so_far: told.append(so_far),
    )
    assert file.read_bytes() == made(slug, SHOWN, ROWS)
    assert [rows for rows, _size in told] == [10, 20, 30]
    assert told == sorted(told)
    assert told[-1][1] <= report.size
    assert (report.rows, report.size) == (30, file.stat().st_size)
    assert report.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert list(folder.iterdir()) == [file]


@ALL
def test_an_existing_file_is_replaced_only_by_a_complete_one(slug, folder):
    file = folder / "out"
    file.write_text("old")

    def stop(rows, size):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(slug, file, SHOWN, batches(SHOWN, ROWS), progress=stop)
    assert file.read_text() == "old"
    assert list(folder.iterdir()) == [file]
    write(slug, file, SHOWN, batches(SHOWN, ROWS))
    assert file.read_bytes() == made(slug, SHOWN, ROWS)


@ALL
@pytest.mark.parametrize("zipped", [False, True])
def test_an_error_while_reading_rows_leaves_no_file(slug, zipped, folder):
    def broken():
        yield batch(SHOWN, ROWS)
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError, match="gone"):
        write(
            slug,
            folder / "out",
            SHOWN,
            broken(),
            options=Options(compression="zip" if zipped else ""),
        )
    assert list(folder.iterdir()) == []


@ALL
@pytest.mark.parametrize("zipped", [False, True])
def test_closing_a_stream_stops_reading_rows(slug, zipped):
    asked = []

    def watched():
        for number in range(100):
            asked.append(number)
            yield batch(SHOWN, ROWS)

    chunks = stream(
        slug, SHOWN, watched(), options=Options(compression="zip" if zipped else "")
    )
    next(chunks)
    chunks.close()
    assert len(asked) <= 2


class Memory(bytearray):
    """Memory that can be watched."""


@BY_THE_BATCH
@pytest.mark.parametrize("zipped", [False, True])
def test_no_more_than_two_batches_are_alive_at_any_time(slug, zipped):
    seen = []
    most = []

    def alive():
        return sum(reference() is not None for reference in seen)

    def watched():
        for _ in range(20):
            memory = Memory(random.randbytes(8 * 1000))
            seen.append(weakref.ref(memory))
            numbers = pa.Array.from_buffers(
                pa.int64(), 1000, [None, pa.py_buffer(memory)]
            )
            del memory
            most.append(alive())
            yield pa.record_batch([numbers], ["n"])
            del numbers

    options = Options(compression="zip" if zipped else "")
    size = 0
    for chunk in stream(slug, columns(n="integer"), watched(), options=options):
        size += len(chunk)
    assert size > 20 * 1000
    assert max(most) <= 2
    assert alive() == 0


@BY_THE_BATCH
def test_bytes_are_written_before_all_rows_are_read(slug):
    steps = []

    def watched():
        for number in range(20):
            steps.append("rows")
            text = random.randbytes(15_000).hex()
            yield batch(SHOWN, [(text, number)] * 10)

    def written():
        for _ in stream(slug, SHOWN, watched()):
            yield "bytes"

    steps.extend(written())
    assert FORMATS[slug].streams
    assert steps.index("bytes") <= 2
    assert steps.count("bytes") >= 20


@BY_THE_BATCH
def test_a_huge_batch_is_written_in_pieces(slug):
    shown = columns(n="integer")
    huge = pa.record_batch([pa.array(range(50_000))], ["n"])
    chunks = list(stream(slug, shown, iter([huge])))
    assert len(chunks) >= 5
    assert max(map(len, chunks)) < 1_000_000


@ALL
def test_an_empty_batch_adds_no_row(slug):
    empty = batch(SHOWN, [])
    data = b"".join(stream(slug, SHOWN, iter([empty, batch(SHOWN, ROWS), empty])))
    assert data == made(slug, SHOWN, ROWS)


@ALL
def test_a_sliced_batch_writes_only_the_slice(slug):
    part = batch(SHOWN, ROWS).slice(10, 5)
    data = b"".join(stream(slug, SHOWN, iter([part])))
    assert data == made(slug, SHOWN, ROWS[10:15])


@ALL
def test_a_zip_holds_the_one_file(slug, folder):
    file = folder / "out.zip"
    options = Options(compression="zip", inner_name="../\u00fcber alles")
    report = write(slug, file, SHOWN, batches(SHOWN, ROWS), options=options)
    with zipfile.ZipFile(file) as archive:
        (name,) = archive.namelist()
        assert name == f"\u00fcber alles.{FORMATS[slug].extension}"
        assert archive.read(name) == made(slug, SHOWN, ROWS)
        assert archive.testzip() is None
    assert report.size == file.stat().st_size


def test_compression_sets_the_extension_and_media_type():
    assert (extension("csv", "zip"), media_type("csv", "zip")) == (
        "csv.zip",
        "application/zip",
    )
    assert (extension("json", "gzip"), media_type("json", "gzip")) == (
        "json.gz",
        "application/gzip",
    )
    assert extension("csv") == "csv"
    assert media_type("ndjson") == "application/x-ndjson"


@pytest.mark.parametrize(
    "slug", [form.slug for form in FORMATS.values() if "gzip" in form.compressions]
)
def test_a_gzip_file_holds_the_same_bytes(slug, folder):
    file = folder / "out.gz"
    options = Options(compression="gzip")
    report = write(slug, file, SHOWN, batches(SHOWN, ROWS), options=options)
    plain = made(slug, SHOWN, ROWS)
    assert gzip.decompress(file.read_bytes()) == plain
    assert report.size == file.stat().st_size
    assert report.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert (report.data_size, report.data_sha256) == (
        len(plain),
        hashlib.sha256(plain).hexdigest(),
    )


@pytest.mark.parametrize(
    "slug", [form.slug for form in FORMATS.values() if "gzip" not in form.compressions]
)
def test_formats_without_gzip_refuse_it(slug):
    with pytest.raises(FormatError, match="already compressed"):
        stream(slug, SHOWN, iter([]), options=Options(compression="gzip"))


@ALL
def test_the_manifest_is_the_last_zip_member_and_has_the_hash_of_the_file(slug):
    options = Options(
        compression="zip",
        inner_name="rows",
        manifest=lambda report: json.dumps(asdict(report)).encode(),
    )
    data = b"".join(stream(slug, SHOWN, batches(SHOWN, ROWS), options=options))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        file, last = archive.namelist()
        assert last == "manifest.json"
        told = json.loads(archive.read(last))
        inside = archive.read(file)
    assert told["rows"] == 30
    assert told["data_size"] == len(inside)
    assert told["data_sha256"] == hashlib.sha256(inside).hexdigest()


@pytest.mark.parametrize(
    "slug", [form.slug for form in FORMATS.values() if not form.originals]
)
def test_formats_without_raw_rows_refuse_them(slug):
    with pytest.raises(FormatError, match="Choose JSON or NDJSON"):
        stream(slug, SHOWN, iter([]), options=Options(original=True))


@ALL
def test_no_columns_are_refused(slug):
    with pytest.raises(FormatError, match="at least one column"):
        stream(slug, [], iter([]))


@ALL
def test_data_for_other_columns_are_refused(slug):
    with pytest.raises(ValueError, match="2 columns of data for 1 names"):
        list(stream(slug, SHOWN[:1], batches(SHOWN, ROWS)))


def test_an_unknown_format_is_a_key_error():
    with pytest.raises(KeyError):
        stream("docx", SHOWN, iter([]))


def test_a_full_disk_leaves_no_file(folder, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("queries.exports.formats.files.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write("csv", folder / "out", SHOWN, batches(SHOWN, ROWS))
    assert list(folder.iterdir()) == []


def test_five_hundred_columns_are_written():
    shown = columns(**{f"c{number}": "integer" for number in range(500)})
    data = made("csv", shown, [tuple(range(500))] * 3)
    assert read_csv(data)[3] == [str(number) for number in range(500)]
    assert len(made("json", shown, [tuple(range(500))])) > 5000
    assert len(made("xlsx", shown, [tuple(range(500))])) > 1000


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("errors", "errors.csv"),
        ("errors.csv", "errors.csv"),
        ("errors.CSV", "errors.csv"),
        ("v1.2 final", "v1.2 final.csv"),
        ("../../etc/passwd", "etc-passwd.csv"),
        ("C:\\temp\\x", "C-temp-x.csv"),
        ("..", "result.csv"),
        ("", "result.csv"),
        (".hidden", "hidden.csv"),
        ("--help", "help.csv"),
        ('a"\r\nSet-Cookie: x=1', "a-Set-Cookie- x=1.csv"),
        ("a\x00b\x1fc\x85d", "abcd.csv"),
        ("invoice\u202efdp", "invoicefdp.csv"),
        ("con", "_con.csv"),
        ("LPT1.txt", "_LPT1.txt.csv"),
        ("CONSOLE", "CONSOLE.csv"),
        ("tail. . .", "tail.csv"),
        ("\u00fcber \u4e2d\u6587 \U0001f680", "\u00fcber \u4e2d\u6587 \U0001f680.csv"),
        ("e\u0301", "\u00e9.csv"),
        ("lone \ud800 surrogate", "lone surrogate.csv"),
        ("x" * 200, "x" * 116 + ".csv"),
        ("\U0001f680" * 100, "\U0001f680" * 59 + ".csv"),
    ],
)
def test_file_names_are_safe_and_still_readable(name, expected):
    assert safe_file_name(name, "csv") == expected
    assert safe_file_name(expected, "csv") == expected


@pytest.mark.parametrize("name", ["x", "x.csv", "x.zip", "x.csv.zip", "x.CSV.Zip"])
def test_an_extension_is_not_repeated(name):
    assert safe_file_name(name, "csv.zip") == "x.csv.zip"
