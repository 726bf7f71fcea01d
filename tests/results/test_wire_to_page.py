"""The whole way of a row: bytes of the wire, the provider's stream, parts, compaction, page and original."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queries.providers.coralogix.failures import Step
from queries.providers.coralogix.provider import Coralogix
from queries.providers.coralogix.stream import row_stream
from queries.results import PartWriter, ResultReader, compact
from tests.results.samples import SMALL, Written, rows_of, write_rows
from tests.results.test_properties import KEYS, LIMITS, VALUES, comparable, leaves


class Bytes:
    """An answer in pieces, cut wherever a test likes."""

    request_id = ""
    bytes_received = 0

    def __init__(self, body: bytes, piece: int) -> None:
        self.pieces = [
            body[at : at + piece] for at in range(0, len(body), max(1, piece))
        ]

    def __iter__(self):
        return iter(self.pieces)

    def close(self):
        """Nothing to hang up."""


def wire_row(user_data: str) -> bytes:
    row = {
        "metadata": [{"key": "severity", "value": "5"}],
        "labels": [{"key": "applicationname", "value": "shop"}],
        "userData": user_data,
    }
    return json.dumps(row).encode()


def received(directory: Path, rows: list[bytes], piece=50, lines=3, **options):
    """The rows, several to a line, as the product stores them."""
    batches = [rows[at : at + lines] for at in range(0, len(rows), lines)]
    body = b'{"queryId":{"queryId":"q"}}\n' + b"".join(
        b'{"response":{"results":{"results":[' + b",".join(batch) + b"]}}}\n"
        for batch in batches
    )
    stream = row_stream(Bytes(body, piece), Step.DATA, lambda text: text)
    return write_rows(directory, stream, hints=Coralogix.column_hints, **options)


def originals(result: Written) -> list[bytes]:
    """Every row's JSON, as the export of originals reads it."""
    with result.reader() as reader:
        return [
            text
            for batch in reader.batches(columns=(), with_original=True)
            for text in batch.column(0).to_pylist()
        ]


def compacted(result: Written) -> Written:
    whole = compact(result.directory, result.names, result.columns, group_rows=3)
    return Written(result.directory, [whole], result.columns)


@settings(deadline=None, max_examples=40)
@given(
    trees=st.lists(st.dictionaries(KEYS, VALUES, max_size=4), min_size=1, max_size=12),
    limits=LIMITS,
    piece=st.integers(1, 400),
    lines=st.integers(1, 5),
)
def test_rows_of_any_shape_come_out_as_they_went_in(trees, limits, piece, lines):
    rows = [wire_row(json.dumps(tree)) for tree in trees]
    with tempfile.TemporaryDirectory() as scratch:
        parts = received(Path(scratch) / "r", rows, piece, lines, limits=limits)
        whole = compacted(parts)
        for result in (parts, whole):
            assert originals(result) == rows
            with result.reader() as reader:
                assert [reader.row(n) for n in range(len(rows))] == rows
        assert whole.page() == parts.page()
        cells = parts.page().rows
    assert [comparable(found) for _, found in cells] == [
        comparable(["Error", "shop", *(leaves({"$d": tree}))]) for tree in trees
    ]


ODD = {
    "duplicate keys": '{"a":1,"a":2}',
    "empty keys": '{"":{"":1}," ":2}',
    "integers beyond 64 bits": '{"n":[9223372036854775808],"m":-170141183460469231731687303715884105728}',
    "numbers beyond a double": '{"n":1e400,"m":-1e400}',
    "text that is no JSON": '{"n":NaN}',
    "half a character": '{"s":"\\ud800","\\udfff":{"t":"a\\ud83d"}}',
    "no object": "[1,{}]",
    "nothing": "",
    "null": "null",
    "empty objects": '{"a":{},"b":{"c":{}},"d":[]}',
    "mixed lists": '{"a":[1,"1",null,{"b":[]}]}',
    "40 levels": '{"a":' * 40 + "1" + "}" * 40,
    "5,000 levels": '{"a":' * 5_000 + "1" + "}" * 5_000,
    "a NUL": '{"a\\u0000":"\\u0000"}',
    "a long key": json.dumps({"k" * 2_000: 1}),
    "dates": '{"at":"2025-06-19T00:44:47Z","when":"0000-00-00"}',
    "an object that was a number": '{"a":{"b":1}}',
    "a number that was an object": '{"a":{"b":{"c":1}}}',
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
def test_odd_rows_are_kept_beside_ordinary_ones(directory, text):
    ordinary = wire_row('{"a":1}')
    rows = [ordinary, wire_row(text), ordinary]
    parts = received(directory, rows)
    whole = compacted(parts)
    assert originals(parts) == originals(whole) == rows
    assert whole.page() == parts.page()
    assert parts.column("$d.a")[::2] == [1, 1]


def test_halves_of_characters_around_the_data_stay_apart(directory):
    rows = [
        b'{"metadata":[],"labels":[{"key":"k","value":"a%s"}],"userData":"{}"}' % half
        for half in (b"\\ud800", b"\\ud801", b"\\ud83d\\ude00")
    ]
    result = compacted(received(directory, rows))
    assert result.column("$l.k") == ["a\\ud800", "a\\ud801", "a\N{GRINNING FACE}"]
    kept = [json.loads(text)["labels"][0]["value"] for text in originals(result)]
    assert kept == result.column("$l.k")


def test_all_odd_rows_together_spoil_nothing(directory):
    rows = [wire_row(text) for text in ODD.values()] * 3
    whole = compacted(received(directory, rows))
    assert originals(whole) == rows
    assert len(whole.page().rows) == len(rows)


def test_thousands_of_keypaths_are_kept_in_the_originals(directory):
    rows = [
        wire_row(json.dumps({f"id-{n}-{at}": n for at in range(60)}))
        for n in range(100)
    ]
    result = received(directory, rows)
    assert len(result.columns) == 2_000
    assert originals(compacted(result)) == rows


def test_rows_are_read_while_others_still_arrive(directory):
    writer = PartWriter(directory, limits=SMALL)
    names = []
    for part in writer.write(rows_of({"n": n} for n in range(30))):
        names.append(part.name)
        with ResultReader(directory, names, writer.columns) as reader:
            assert reader.total == writer.rows
            page = reader.page(offset=0, size=100)
        assert [cells for _, cells in page.rows] == [[n] for n in range(writer.rows)]
    assert writer.rows == 30
