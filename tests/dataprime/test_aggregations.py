"""Counting, grouping, ranking, ordering, limits."""

from __future__ import annotations

import pytest

from dataprime import DataPrimeError
from tests.dataprime.logs import BIG


def test_count_gives_one_row_without_metadata_or_labels(logs):
    assert logs.rows("count") == [({}, {}, {"_count": 5})]
    assert logs.data("filter $d.user == 'nobody' | count into n.total") == [
        {"n": {"total": 0}}
    ]


def test_countby_counts_each_value_in_a_set_order(logs):
    assert logs.data("countby $m.severity") == [
        {"severity": "Debug", "_count": 1},
        {"severity": "Info", "_count": 1},
        {"severity": "Error", "_count": 2},
        {"severity": "Critical", "_count": 1},
    ]
    assert logs.data("countby user as who into n desc") == [
        {"who": None, "n": 3},
        {"who": "ann", "n": 1},
        {"who": "bob", "n": 1},
    ]


@pytest.mark.parametrize("word", ["aggregate ", "agg ", "calculate ", "calc ", ""])
def test_groupby_takes_every_spelling_of_aggregate(logs, word):
    query = f"groupby $l.applicationname as app {word}count() as n, max(dur)"
    assert logs.data(query) == [
        {"app": "blog", "n": 2, "_max0": 3},
        {"app": "o'x", "n": 1, "_max0": None},
        {"app": "shop", "n": 2, "_max0": 1.5},
    ]


def test_values_of_different_types_are_different_groups(logs):
    assert logs.data("distinct status") == [
        {"status": "500"},
        {"status": 200},
        {"status": 404},
        {"status": None},
    ]


def test_objects_can_be_grouped_by(logs):
    rows = logs.data("groupby kubernetes:object as k agg count() as n")
    assert [(row["k"] and row["k"]["pod"], row["n"]) for row in rows] == [
        ("p1", 1),
        (None, 4),
    ]


def test_a_whole_document_is_grouped_under_the_letter_of_its_root(logs):
    assert list(logs.data("distinct $l | limit 1")[0]) == ["l"]


def test_groups_by_time(logs):
    assert logs.data("groupby $m.timestamp / 1h as t agg count() | orderby t desc") == [
        {"t": 1735729200000000000, "_count0": 1},
        {"t": 1735725600000000000, "_count0": 3},
        {"t": 1735686000000000000, "_count0": 1},
    ]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("count()", 5),
        ("count($m.severity >= ERROR)", 3),
        ("count_if(user != null)", 2),
        ("count_if($m.severity >= ERROR, user)", 1),
        ("sum(status:num)", 1304),
        ("sum(status)", 804),
        ("sum(dur)", 4.5),
        ("sum(id)", BIG + 1234567890123456789),
        ("sum(user)", None),
        ("avg(status:num)", 326),
        ("min(status)", 200),
        ("max(id)", BIG),
        ("min(id)", 1234567890123456789),
        ("max($m.severity)", "Critical"),
        ("min($l.applicationname)", "blog"),
        ("min($m.timestamp)", 1735689599000000000),
        ("max($m.timestamp) - min($m.timestamp)", "11h1s"),
        ("max(took:interval)", "1h30m"),
        ("sum(took:interval)", "1h30m"),
        ("avg(took:interval)", "1h30m"),
        ("distinct_count(status)", 3),
        ("distinct_count($l.subsystemname)", 3),
        ("distinct_count_if(user != null, $m.severity)", 2),
        ("approx_count_distinct(user)", 2),
        ("percentile(0.5, status:num)", 302),
        ("percentile(0, dur, 0.1)", 1.5),
        ("percentile(1, $m.timestamp)", 1735729200000000000),
        ("median(dur)", 2.25),
        ("stddev(dur)", 0.75),
        ("variance(dur)", 0.5625),
        ("sample_variance(dur)", 1.125),
        ("sample_stddev(user)", None),
        ("any_value(user)", "ann"),
        ("any_value(tags)", ["a", "b", 1, None]),
        ("any_value($m.severity)", "Info"),
        ("any_value()", None),
        ("collect(user)", ["ann", "bob", None, None, None]),
        ("collect(user, ignoreNulls=true)", ["ann", "bob"]),
        ("collect(status, distinct=true)", ["500", 200, 404, None]),
        ("collect($m.severity, limit=2)", ["Info", "Error"]),
        ("collect($m.severity, true, 2)", ["Critical", "Debug"]),
        ("max_by($m.timestamp, $m.severity)", "Critical"),
        ("min_by(dur, msg)", "hello ERROR world"),
        ("max_by($m.timestamp, user)", None),
        ("ceil(avg(dur))", 3),
        ("dur.avg().floor()", 2),
        ("count() * 2 + 1", 11),
        ("if(count() > 3, 'many', 'few')", "many"),
        ("max(dur, 2).avg()", 2.2),
    ],
)
def test_aggregations(logs, function, expected):
    if function == "any_value()":
        with pytest.raises(DataPrimeError, match="'expression' is missing"):
            logs.compile(f"aggregate {function} as it")
        return
    assert logs.data(f"aggregate {function} as it") == [{"it": expected}]


def test_unnamed_results_are_numbered_by_function(logs):
    query = "aggregate count(), count($d.ok), max(dur), count() * 2, count() + 1"
    assert list(logs.data(query)[0]) == [
        "_count0",
        "_count1",
        "_max0",
        "_expr0",
        "_expr1",
    ]


def test_top_and_bottom_rank_groups(logs):
    assert logs.data("top 2 $l.applicationname by count()") == [
        {"applicationname": "blog", "_count0": 2},
        {"applicationname": "shop", "_count0": 2},
    ]
    assert logs.data("bottom 1 user, count() as n by avg(status:num) as mean") == [
        {"user": "ann", "n": 1, "mean": 200}
    ]


def test_top_without_aggregation_ranks_rows(logs):
    rows = logs.rows("top 2 $m.severity as s, $l.subsystemname by $m.timestamp, user")
    assert rows == [
        (
            {},
            {},
            {
                "s": "Critical",
                "subsystemname": "web",
                "timestamp": 1735729200000000000,
                "user": None,
            },
        ),
        (
            {},
            {},
            {
                "s": "Error",
                "subsystemname": "web",
                "timestamp": 1735726020000000000,
                "user": None,
            },
        ),
    ]


def test_steps_after_grouping_see_its_columns(logs):
    query = (
        "groupby $m.severity, kubernetes.pod agg count() as n, sum(dur) as d "
        "| filter $m.severity >= INFO && kubernetes.pod == 'p1' | create ratio from d / n"
    )
    assert logs.data(query) == [
        {"severity": "Info", "pod": "p1", "n": 1, "d": 1.5, "ratio": 1.5}
    ]


def test_groups_can_be_grouped_again(logs):
    query = "groupby $l.applicationname, user agg count() as n | countby n | orderby n"
    assert logs.data(query) == [{"n": 1, "_count": 3}, {"n": 2, "_count": 1}]


def test_orderby_sorts_numbers_before_texts_and_nulls_last(logs):
    assert logs.data("orderby status | choose status") == [
        {"status": 200},
        {"status": 200},
        {"status": 404},
        {"status": "500"},
        {"status": None},
    ]
    assert logs.ids("orderby status:num desc") == [1, 2, 0, 4, 3]
    assert logs.ids("orderby id:num") == [2, 1, 0, 3, 4]
    assert logs.ids("orderby tags, nested") == [1, 4, 0, 2, 3]


@pytest.mark.parametrize("words", ["orderby", "sortby", "order by", "sort by"])
def test_ties_keep_the_order_of_the_rows(logs, words):
    assert logs.ids(f"{words} $m.severity desc, $d.nothing asc") == [3, 1, 2, 0, 4]


def test_a_later_sort_is_the_main_one(logs):
    query = "orderby $m.timestamp desc | orderby $l.applicationname"
    assert logs.ids(query) == [3, 2, 4, 1, 0]


def test_an_order_holds_through_later_steps(logs):
    query = "orderby $m.timestamp desc | filter $m.severity > DEBUG | create x from 1 | limit 3"
    assert logs.ids(query) == [3, 2, 1]
    query = "limit 3 | orderby $m.severity desc | limit 2 | filter $d.id > 0"
    assert logs.ids(query) == [1, 2]


def test_dedupeby_keeps_the_first_rows_of_each_value(logs):
    assert logs.ids("dedupeby $l.applicationname keep 1") == [0, 2, 4]
    query = "orderby $m.timestamp desc | dedupeby $l.applicationname, user keep 1"
    assert logs.ids(query) == [3, 1, 0, 4]
    assert logs.ids("filter status != null | dedupeby status keep 5 | limit 2") == [
        0,
        1,
    ]


def test_the_compiled_query_knows_its_own_limit(logs):
    assert logs.compile("limit 100 | limit 7 | filter $d.ok").limit == 7
    assert logs.compile("top 3 user by count()").limit == 3
    assert logs.compile("limit 7 | count").limit is None
    assert logs.compile("filter $d.ok").limit is None


def test_the_caller_can_cap_the_rows(logs):
    assert logs.ids("orderby $m.timestamp desc", max_rows=2) == [3, 2]
    assert len(logs.data("countby user", max_rows=1)) == 1
    assert logs.lucene("error", max_rows=1) == [0]


@pytest.mark.parametrize(
    ("query", "aggregate"),
    [
        ("source logs", False),
        ("choose user", False),
        ("count", True),
        ("distinct user", True),
        ("top 1 user by dur", True),
        ("aggregate count() | limit 1", True),
    ],
)
def test_the_compiled_query_knows_whether_it_gives_log_rows(logs, query, aggregate):
    assert logs.compile(query).is_aggregate is aggregate


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("groupby user, count()", "write 'aggregate' before"),
        ("aggregate user", "'$d.user' must be inside an aggregation"),
        ("aggregate 1 + 1", "an aggregation such as count()"),
        ("aggregate count_distinct(user)", "use distinct_count()"),
        ("aggregate max($d)", None),
        ("aggregate sum($l.applicationname)", "cast it with ':number'"),
        ("aggregate percentile(99, dur)", "a number from 0 to 1"),
        ("aggregate percentile(dur, 0.5)", "must be a literal"),
        ("aggregate collect(user, limit=0)", "above 0"),
        ("filter count() > 3", "count() is an aggregation"),
        ("filter max(dur) > 3", "max() is an aggregation"),
        ("groupby user, user as user agg count()", "two results are called 'user'"),
        ("groupby user as a agg count() as a.b", "two results are called"),
        ("countby user into user", "two results are called 'user'"),
        ("count into $d", "a keypath to write to"),
        ("limit 1.5", "use a whole number"),
        ("limit 99999999999999999999", "use a whole number"),
        ("limit -1", "a number of rows is needed"),
    ],
)
def test_wrong_aggregations_are_explained(logs, query, message):
    if message is None:
        assert logs.data(query) == [{"_max0": None}]
        return
    with pytest.raises(DataPrimeError) as caught:
        logs.compile(query)
    assert message in caught.value.message
