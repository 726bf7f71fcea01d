"""All rows of a result: none lost, none twice, whatever the documents leave open."""

from __future__ import annotations

import json

import pytest

from queries.providers.base import ContinuedInBackgroundError, RowStream
from queries.providers.errors import (
    CallStoppedError,
    LimitExceededError,
    ProviderError,
    QueryError,
    RateLimitError,
    ResultsExpiredError,
    UnavailableError,
    UnexpectedResponseError,
)
from queries.providers.supermetrics import pages, wire
from tests.providers.adapters.supermetrics import query_parameters
from tests.providers.supermetrics.samples import (
    DATA,
    FIELDS,
    SPEC,
    STATUS,
    result,
    status,
    with_header,
)
from tests.scripted_server import CUT, Reply, Request, json_reply


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(pages, "RETRY_DELAYS", (0.01, 0.02))


class Book:
    """A result of numbered rows. `counts`: the header is row 0; `most`: rows in one answer; `total`: whether told."""

    def __init__(self, count: int, **how) -> None:
        self.rows = [[n, f"row {n}"] for n in range(count)]
        self.header = how.pop("header", False)
        self.counts = how.pop("counts", False)
        self.most = how.pop("most", 10**9)
        self.told = how.pop("total", True)
        self.links = how.pop("links", False)
        self.seen: list[tuple[int, int]] = []

    def __call__(self, request: Request) -> Reply:
        question = request.json() if request.body else query_parameters(request)
        first, last = question["offset_start"], question["offset_end"]
        self.seen.append((first, last))
        if self.counts:
            first, last = max(first - 1, 0), last - 1
        page = self.rows[first : min(last + 1, first + self.most)]
        total = len(self.rows) if self.told else None
        answer = (with_header if self.header else result)(page, total=total)
        if self.links:
            more = last + 1 < len(self.rows)
            answer["meta"]["paginate"] = {
                "prev": None,
                "next": "https://x" if more else None,
            }
        return json_reply(answer)


def numbers(stream: RowStream) -> list[int]:
    with stream:
        return [row.values["Number"] for row in stream]


@pytest.mark.parametrize("count", [0, 1, 4_999, 5_000, 5_001, 12_345])
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"total": False},
        {"header": True},
        {"header": True, "total": False},
        {"header": True, "counts": True},
        {"header": True, "counts": True, "total": False},
        {"links": True, "total": False},
        {"most": 700},
    ],
    ids=str,
)
def test_every_row_comes_once_and_in_order(provider, upstream, count, how):
    upstream.on(STATUS, Book(count, **how))
    stream = provider.rows("job-1")
    assert numbers(stream) == list(range(count))
    assert not [w for w in stream.warnings if w.cuts_result]


def test_pages_are_inclusive_at_both_ends(provider, upstream):
    book = Book(10_001)
    upstream.on(STATUS, book)
    assert len(numbers(provider.rows("job-1"))) == 10_001
    assert book.seen == [(0, 4_999), (5_000, 9_999), (10_000, 14_999)]


def test_a_direct_query_goes_on_with_the_pages_after_the_first(provider, upstream):
    book = Book(7_000)
    upstream.on(DATA, book)
    upstream.on(STATUS, book)
    stream = provider.run(SPEC)
    assert numbers(stream) == list(range(7_000))
    assert stream.expires_at is not None
    assert stream.query_id == "job-1"
    assert upstream.paths() == [DATA, STATUS]


@pytest.mark.parametrize("word", ["SCHEDULED", "QUEUED", "RUNNING", "HIBERNATING"])
@pytest.mark.parametrize("http_status", [200, 202])
def test_a_direct_query_that_takes_long_is_handed_over(
    provider, upstream, word, http_status
):
    upstream.on(DATA, json_reply(status(word, "their-id"), http_status))
    with pytest.raises(ContinuedInBackgroundError) as handed:
        provider.run(SPEC)
    assert handed.value.job_id == "their-id"


def test_what_comes_beside_the_rows_is_kept(provider, upstream):
    upstream.on(STATUS, json_reply(result([[1, "x"]], total=1)))
    stream = provider.rows("job-1")
    assert numbers(stream) == [1]
    assert stream.extras["query"] == {
        "start_date": "2026-11-15",
        "end_date": "2026-11-21",
        "ds_accounts": ["123-456"],
    }
    assert stream.extras["result"]["cache_used"] is False
    assert stream.extras["columns"][0] == {
        "name": "Number",
        "field_id": "number",
        "field_name": "Number",
        "type": "dim",
        "data_type": "string.text.value",
    }
    assert stream.statistics["total_rows"] == 1
    assert stream.statistics["cache_used"] is False
    assert stream.bytes_received > 100


def test_fewer_rows_than_counted_are_said_to_be_missing(provider, upstream):
    upstream.on(
        STATUS, json_reply(result([[1, "x"]], total=9)), json_reply(result([], total=9))
    )
    stream = provider.rows("job-1")
    assert numbers(stream) == [1]
    (warning,) = stream.warnings
    assert (warning.code, warning.cuts_result) == ("row_count", True)
    assert warning.details == {"counted": 9, "received": 1}


def test_as_many_rows_as_there_can_be_may_not_be_all(provider, upstream, monkeypatch):
    monkeypatch.setattr("queries.providers.supermetrics.pages.MAX_ROWS", 2)
    upstream.on(STATUS, json_reply(result([[1, "x"], [2, "y"]], total=2)))
    stream = provider.rows("job-1")
    assert len(list(stream)) == 2
    (warning,) = stream.warnings
    assert (warning.code, warning.cuts_result) == ("row_limit", True)


def test_a_total_that_counts_the_header_is_no_loss(provider, upstream):
    upstream.on(
        STATUS,
        json_reply(with_header([[1, "x"]], total=2)),
        json_reply(with_header([], total=2)),
    )
    stream = provider.rows("job-1")
    assert numbers(stream) == [1]
    assert stream.warnings == []


def test_offsets_that_mean_nothing_end_after_one_answer(
    provider, upstream, monkeypatch
):
    monkeypatch.setattr(pages, "PAGE_ROWS", 2)
    upstream.on(STATUS, json_reply(result([[n, ""] for n in range(5)])))
    assert numbers(provider.rows("job-1")) == list(range(5))
    assert len(upstream.requests) == 1


def test_no_page_begins_beyond_the_last_offset(provider, upstream, monkeypatch):
    monkeypatch.setattr(pages, "LAST_OFFSET", 9_999)
    upstream.on(STATUS, Book(12_000))
    stream = provider.rows("job-1")
    assert len(numbers(stream)) == 10_000
    assert stream.warnings[0].details == {"counted": 12_000, "received": 10_000}


@pytest.mark.parametrize(
    "trouble",
    [
        Reply(503),
        Reply(429),
        Reply(raw=[CUT]),
        Reply(429, headers={"Retry-After": "0"}),
    ],
)
def test_a_page_that_fails_is_asked_for_again(provider, upstream, trouble):
    book = Book(10_000)
    upstream.on(STATUS, book, trouble, trouble, book)
    assert numbers(provider.rows("job-1")) == list(range(10_000))
    assert len(upstream.requests) == 4


def test_a_page_that_fails_for_good_leaves_the_rows_before_it(provider, upstream):
    upstream.on(STATUS, Book(10_000), Reply(503))
    stream, found = provider.rows("job-1"), []
    with stream, pytest.raises(UnavailableError):
        found.extend(stream)
    assert len(found) == 5_000
    assert len(upstream.requests) == 4


def test_a_long_wait_is_left_to_whoever_reads(provider, upstream):
    upstream.on(STATUS, Book(10_000), Reply(429, headers={"Retry-After": "3600"}))
    stream, found = provider.rows("job-1"), []
    with stream, pytest.raises(RateLimitError) as limited:
        found.extend(stream)
    assert len(found) == 5_000
    assert limited.value.retry_after == 3600
    assert len(upstream.requests) == 2


def test_a_wait_between_pages_ends_when_somebody_hangs_up(provider, upstream):
    def trouble(_request):
        provider.abort()
        return Reply(429, headers={"Retry-After": "30"})

    upstream.on(STATUS, Book(10_000), trouble)
    with provider.rows("job-1") as stream, pytest.raises(CallStoppedError):
        list(stream)


def test_a_result_that_expires_between_pages_says_so(provider, upstream):
    upstream.on(STATUS, Book(10_000), json_reply({"error": "STATUS_NOT_FOUND"}, 404))
    with provider.rows("job-1") as stream, pytest.raises(ResultsExpiredError):
        list(stream)


def test_a_page_of_a_query_that_has_failed_is_an_error(provider, upstream):
    upstream.on(STATUS, Book(10_000), json_reply(status("FAILURE")))
    with provider.rows("job-1") as stream, pytest.raises(QueryError):
        list(stream)


def test_wide_rows_come_in_smaller_pages(provider, upstream, monkeypatch):
    monkeypatch.setattr(wire, "MAX_PAGE_BYTES", 60_000)
    book = Book(6_000)
    upstream.on(STATUS, book)
    assert numbers(provider.rows("job-1")) == list(range(6_000))
    assert book.seen[:3] == [(0, 4_999), (0, 1_249), (1_250, 2_499)]


def test_a_direct_answer_that_is_too_wide_is_read_in_smaller_pages(
    provider, upstream, monkeypatch
):
    monkeypatch.setattr(wire, "MAX_PAGE_BYTES", 60_000)
    upstream.on(DATA, Book(6_000))
    upstream.on(STATUS, Book(6_000))
    upstream_id = numbers(provider.run(SPEC))
    assert upstream_id == list(range(6_000))


def test_a_row_wider_than_any_page_is_refused(provider, upstream, monkeypatch):
    monkeypatch.setattr(wire, "MAX_PAGE_BYTES", 600)
    upstream.on(STATUS, json_reply(result([["x" * 2_000, ""]], total=1)))
    with pytest.raises(LimitExceededError):
        provider.rows("job-1")


def test_all_pages_together_are_bounded(make_provider, upstream):
    upstream.on(STATUS, Book(50_000))
    with (
        make_provider(max_stream_bytes=300_000).rows("job-1") as stream,
        pytest.raises(LimitExceededError),
    ):
        list(stream)


def play(provider, upstream, answer) -> tuple[RowStream, list]:
    upstream.on(
        STATUS, Reply(body=answer) if isinstance(answer, bytes) else json_reply(answer)
    )
    stream = provider.rows("job-1")
    with stream:
        return stream, list(stream)


def test_names_come_from_the_header_row(provider, upstream):
    answer = result(
        [["Month", "Mobile Clicks", "Mobile Clicks", ""], ["2026-01", 1, 2, 3]],
        settings={},
        fields=[],
    )
    _, rows = play(provider, upstream, answer)
    assert rows[0].values == {
        "Month": "2026-01",
        "Mobile Clicks": 1,
        "Mobile Clicks_2": 2,
        "column_4": 3,
    }
    assert json.loads(rows[0].original) == rows[0].values


def test_pivoted_columns_are_named_by_the_header_only(provider, upstream):
    fields = [
        {"field_name": "Month", "data_column": 0, "field_split": "row"},
        {"field_name": "Device", "data_column": None, "field_split": "column"},
        {"field_name": "Clicks", "data_column": None},
    ]
    answer = result(
        [["Month", "Desktop", "Mobile"], ["2026-01", 1, 2]], settings={}, fields=fields
    )
    stream, rows = play(provider, upstream, answer)
    assert rows[0].values == {"Month": "2026-01", "Desktop": 1, "Mobile": 2}
    assert [c["name"] for c in stream.extras["columns"]] == [
        "Month",
        "Desktop",
        "Mobile",
    ]


def test_a_first_row_of_texts_is_data_when_no_field_is_called_so(provider, upstream):
    answer = result([["alpha", "beta"], ["gamma", "delta"]], total=2)
    del answer["meta"]["query"]["settings"]
    _, rows = play(provider, upstream, answer)
    assert [list(row.values.values()) for row in rows] == [
        ["alpha", "beta"],
        ["gamma", "delta"],
    ]


def test_a_header_is_known_by_its_names_where_settings_are_not_repeated(
    provider, upstream
):
    answer = result([list(FIELDS), ["1", "x"]], total=1)
    del answer["meta"]["query"]["settings"]
    _, rows = play(provider, upstream, answer)
    assert [row.values for row in rows] == [{"Number": "1", "Text": "x"}]


def test_rows_without_any_names_get_numbers_and_a_warning(provider, upstream):
    answer = result([[1, "x"], [2, "y", True]], fields=None)
    stream, rows = play(provider, upstream, answer)
    assert rows[1].values == {"column_1": 2, "column_2": "y", "column_3": True}
    assert [w.code for w in stream.warnings] == ["column_names"]
    assert len(stream.extras["columns"]) == 3


def test_rows_that_are_objects_are_understood(provider, upstream):
    _, rows = play(provider, upstream, result([{"a": 1}, {"a": 2}]))
    assert [row.values for row in rows] == [{"a": 1}, {"a": 2}]


def page_of(cells: bytes) -> bytes:
    return (
        b'{"meta":{"status_code":"SUCCESS","query":{"settings":{"no_headers":true}}},"data":['
        + cells
        + b"]}"
    )


def test_every_number_stays_exact_in_the_original(provider, upstream):
    _, rows = play(
        provider,
        upstream,
        page_of(
            b'[9007199254740993, 1.10, 1E2, null, "\xc3\xa9", 123456789012345678901]'
        ),
    )
    assert (
        rows[0].original
        == (
            '{"column_1":9007199254740993,"column_2":1.10,"column_3":1E2,"column_4":null,'
            '"column_5":"é","column_6":123456789012345678901}'
        ).encode()
    )
    assert rows[0].values["column_1"] == 9007199254740993


@pytest.mark.parametrize(
    ("cells", "value"),
    [
        (b'["\xff"]', "\ufffd"),
        (b"[1e999]", "1e999"),
        (b'{"column_1":"\xff"}', "\ufffd"),
    ],
)
def test_cells_no_decoder_takes_are_repaired(provider, upstream, cells, value):
    _, rows = play(provider, upstream, page_of(cells))
    assert rows[0].values == {"column_1": value}
    json.loads(rows[0].original)


@pytest.mark.parametrize("cells", [b"7", b'"x"', b"[" + b"0," * 10_001 + b"0]"])
def test_what_is_no_row_is_refused(provider, upstream, cells):
    with pytest.raises(UnexpectedResponseError):
        play(provider, upstream, page_of(cells))


def test_data_that_is_no_list_is_refused(provider, upstream):
    with pytest.raises(ProviderError):
        play(provider, upstream, {"meta": {"status_code": "SUCCESS"}, "data": {"a": 1}})
