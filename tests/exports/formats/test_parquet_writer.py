"""Parquet files, read back with pyarrow and with DuckDB."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from queries.exports.formats import Options, parquet_writer, stream
from tests.exports.formats.rows import HARD_TEXTS, Shown, batches, columns, made


def read(data: bytes) -> pa.Table:
    return pq.read_table(io.BytesIO(data))


def test_texts_survive_a_round_trip():
    shown = columns(a="text", b="json")
    data = made("parquet", shown, [(text, text) for text in HARD_TEXTS])
    assert read(data).to_pydict() == {"a": HARD_TEXTS, "b": HARD_TEXTS}


def test_column_kinds_keep_their_parquet_types():
    shown = columns(
        i="integer", n="number", b="boolean", t="timestamp", s="severity", j="json"
    )
    moment = datetime(2026, 2, 3, 4, 5, 6, 789, tzinfo=UTC)
    rows = [(2**63 - 1, 0.1, True, moment, "Error", "[1]"), (None,) * 6]
    table = read(made("parquet", shown, rows))
    assert [str(field.type) for field in table.schema] == [
        "int64",
        "double",
        "bool",
        "timestamp[ns, tz=UTC]",
        "string",
        "string",
    ]
    assert [tuple(row.values()) for row in table.to_pylist()] == rows


def test_an_empty_result_has_its_columns_and_their_types():
    table = read(made("parquet", columns(a="text", n="integer", t="timestamp"), []))
    assert table.num_rows == 0
    assert [str(each) for each in table.schema.types] == [
        "string",
        "int64",
        "timestamp[ns, tz=UTC]",
    ]


def test_repeated_and_empty_names_can_all_be_read():
    shown = [Shown("a", "text"), Shown("a", "text"), Shown("", "text")]
    table = read(made("parquet", shown, [("1", "2", "3")]))
    assert table.to_pylist() == [{"a": "1", "a (2)": "2", "": "3"}]


def test_duckdb_reads_the_file(tmp_path):
    file = tmp_path / "rows.parquet"
    shown = columns(a="text", n="integer")
    file.write_bytes(made("parquet", shown, [("x", 1), ("y", 2)]))
    found = duckdb.sql(
        "SELECT sum(n), max(a) FROM read_parquet($p)", params={"p": str(file)}
    )
    assert found.fetchall() == [(3, "y")]


def test_the_manifest_is_in_the_metadata_of_the_file():
    options = Options(
        manifest=lambda report: json.dumps({"rows": report.rows}).encode()
    )
    shown = columns(n="integer")
    rows = [(number,) for number in range(20)]
    data = b"".join(stream("parquet", shown, batches(shown, rows), options=options))
    told = pq.read_metadata(io.BytesIO(data)).metadata[b"querydeck.manifest"]
    assert json.loads(told) == {"rows": 20}


def test_at_most_one_row_group_is_held_in_memory(monkeypatch):
    monkeypatch.setattr(parquet_writer, "GROUP_ROWS", 10)
    asked = []

    def watched():
        for start in range(0, 100, 5):
            asked.append(start)
            yield pa.record_batch([pa.array(range(start, start + 5))], ["n"])

    chunks = stream("parquet", columns(n="integer"), watched())
    magic, first = next(chunks), next(chunks)
    assert magic == b"PAR1"
    assert first
    assert len(asked) <= 3
    data = magic + first + b"".join(chunks)
    file = pq.ParquetFile(io.BytesIO(data))
    assert file.num_row_groups == 10
    assert file.read()["n"].to_pylist() == list(range(100))


def test_wide_rows_end_a_row_group_by_their_bytes(monkeypatch):
    monkeypatch.setattr(parquet_writer, "GROUP_BYTES", 10_000)
    shown = columns(a="text")
    data = made("parquet", shown, [("x" * 3_000,)] * 20)
    assert pq.ParquetFile(io.BytesIO(data)).num_row_groups == 3


def test_columns_of_other_types_become_text():
    arrays = [pa.nulls(2), pa.array(["a", None]).dictionary_encode()]
    batch = pa.RecordBatch.from_arrays(arrays, names=["n", "d"])
    data = b"".join(stream("parquet", columns(n="null", d="text"), iter([batch])))
    assert read(data).to_pydict() == {"n": [None, None], "d": ["a", None]}
