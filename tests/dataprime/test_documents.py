"""Commands that shape rows: choose, create, remove, move, replace, convert, redact."""

from __future__ import annotations

import pytest

from dataprime import DataPrimeError, UnknownConstructError
from tests.dataprime.logs import BIG, ROWS


def test_plain_rows_come_out_as_they_were_stored(logs):
    rows = logs.rows("source logs")
    assert [data for _, _, data in rows] == [row[4] for row in ROWS]
    assert rows[0][0] == {
        "timestamp": "2025-01-01 10:00:00.123456",
        "severity": "3",
        "logid": "id0",
    }
    assert rows[0][1] == {"applicationname": "shop", "subsystemname": "cart"}


def test_choose_gives_last_keys_and_aliases_in_order(logs):
    query = (
        "choose $l.applicationname, status, kubernetes.pod, user as who.name | limit 1"
    )
    ((_, _, data),) = logs.rows(query)
    assert list(data.items()) == [
        ("applicationname", "shop"),
        ("status", 200),
        ("pod", "p1"),
        ("who", {"name": "ann"}),
    ]


def test_choose_keeps_of_metadata_and_labels_what_was_chosen(logs):
    query = "choose $m.severity, $m.timestamp as t, $l.subsystemname, msg | limit 1"
    ((metadata, labels, data),) = logs.rows(query)
    assert metadata == {"severity": "3"}
    assert labels == {"subsystemname": "cart"}
    assert data == {
        "severity": "Info",
        "t": 1735725600123456000,
        "subsystemname": "cart",
        "msg": "hello ERROR world",
    }


def test_a_chosen_key_of_user_data_wins_over_one_of_metadata(logs):
    query = "create $d.severity from 'mine' | limit 1 | choose $m.severity, $d.severity"
    ((metadata, _, data),) = logs.rows(query)
    assert (metadata, data) == ({"severity": "3"}, {"severity": "mine"})


def test_the_order_of_chosen_namesakes_does_not_matter(logs):
    query = "create $d.severity from 1 | limit 1 | choose $d.severity, $m.severity"
    assert logs.data(query) == [{"severity": 1}]


def test_choosing_all_user_data_keeps_it_whole(logs):
    ((metadata, _, data),) = logs.rows("limit 1 | choose $d, $m.severity as s")
    assert metadata == {}
    assert data == {**ROWS[0][4], "s": "Info"}


def test_choosing_all_metadata_needs_a_name(logs):
    assert logs.first_value("$m")["logid"] == "id0"
    with pytest.raises(DataPrimeError, match="give it a name with 'as'"):
        logs.compile("choose $m")


def test_after_choose_both_the_new_and_the_old_name_work(logs):
    query = "choose kubernetes.pod, $m.severity | filter {} == 'p1' | count"
    assert logs.data(query.format("pod")) == [{"_count": 1}]
    assert logs.data(query.format("kubernetes.pod")) == [{"_count": 1}]


def test_what_was_not_chosen_is_gone_and_warned_about(logs):
    compiled = logs.compile(
        "choose $m.timestamp | filter $m.severity > INFO || msg == 'a'"
    )
    assert logs.execute(compiled) == []
    assert [str(warning) for warning in compiled.warnings] == [
        "keypath does not exist '$m.severity' in line 1 at column 30",
        "keypath does not exist '$d.msg' in line 1 at column 52",
    ]


def test_choose_twice_narrows(logs):
    ((metadata, _, data),) = logs.rows(
        "limit 1 | choose $m.severity, $m.timestamp, user | choose $m.severity, user"
    )
    assert (metadata, data) == ({"severity": "3"}, {"severity": "Info", "user": "ann"})


def test_integers_stay_exact(logs):
    assert logs.column("id") == [None, BIG, 1234567890123456789, None, None]
    assert logs.column("id:number") == [None, BIG, 1234567890123456789, None, None]
    assert logs.column("id:string") == [
        None,
        str(BIG),
        "1234567890123456789",
        None,
        None,
    ]


def test_create_adds_a_key_and_keeps_its_neighbours(logs):
    first, *_, last = logs.data("create kubernetes.node.name from 'n1'")
    assert first["kubernetes"] == {**ROWS[0][4]["kubernetes"], "node": {"name": "n1"}}
    assert last["kubernetes"] == {"node": {"name": "n1"}}


@pytest.mark.parametrize("word", ["create", "add", "c", "a"])
def test_create_overwrites_by_default(logs, word):
    assert [row["user"] for row in logs.data(f"{word} user from 'x'")] == ["x"] * 5


def test_create_can_skip_keys_that_exist(logs):
    rows = logs.data("create user from 'x' on keypath exists skip")
    assert [row["user"] for row in rows] == ["ann", "bob", None, "x", "x"]


def test_create_can_skip_keys_that_are_missing(logs):
    query = "create user from 'x' on keypath exists overwrite on keypath missing skip"
    rows = logs.data(query + " on datatype changed overwrite")
    assert [row.get("user") for row in rows] == ["x", "x", "x", None, None]


def test_skipping_knows_what_the_query_itself_made(logs):
    made = "create z from 1 | create z from 2 on keypath exists skip | limit 1"
    assert logs.data(made)[0]["z"] == 1
    removed = "remove user | create user from 2 on keypath exists skip | limit 1"
    assert logs.data(removed)[0]["user"] == 2
    counted = "count | create _count from 7 on keypath exists skip"
    assert logs.data(counted) == [{"_count": 5}]
    added = "count | create other from 7 on keypath exists skip"
    assert logs.data(added) == [{"_count": 5, "other": 7}]


def test_created_keys_can_be_used_and_built_upon(logs):
    query = (
        "create x.y from status:num + 1 | create x.z from x.y * 2 | filter x.z > 900 "
        "| create q from x | create q.z from 'own' | choose x, q"
    )
    assert logs.data(query) == [
        {"x": {"y": 501, "z": 1002}, "q": {"y": 501, "z": "own"}}
    ]


def test_bare_text_becomes_an_object_when_a_key_is_added(logs):
    row = logs.data("create seen from true | filter $m.severity == CRITICAL")[0]
    assert row == {"text": "raw text line error", "seen": True}


def test_metadata_can_be_changed_too(logs):
    ((metadata, labels, _),) = logs.rows(
        "limit 1 | create $m.extra from 1 | remove $m.logid, $l.subsystemname"
    )
    assert metadata == {
        "timestamp": "2025-01-01 10:00:00.123456",
        "severity": "3",
        "extra": 1,
    }
    assert labels == {"applicationname": "shop"}


@pytest.mark.parametrize("word", ["remove", "r"])
def test_remove_drops_keys_and_what_is_below(logs, word):
    first, *_ = logs.data(f"{word} kubernetes, msg, nested.a.b | remove dur")
    assert first == {"status": 200, "user": "ann"}


def test_a_removed_key_is_gone_for_later_steps(logs):
    compiled = logs.compile("remove user | filter user != null")
    assert logs.execute(compiled) == []
    assert compiled.warnings[0].message == "keypath does not exist '$d.user'"


def test_part_of_a_chosen_object_can_be_removed_or_added(logs):
    query = "limit 1 | choose kubernetes as k | remove k.labels | create k.n from 1 | choose k"
    assert logs.data(query) == [{"k": {"pod": "p1", "n": 1}}]


def test_a_key_below_a_scalar_cannot_be_made(logs):
    assert logs.data("limit 1 | choose user as a | create a.b from 1") == [{"a": "ann"}]


@pytest.mark.parametrize("word", ["move", "m"])
def test_move_takes_the_value_along(logs, word):
    row = logs.data(f"{word} kubernetes.labels to labels | limit 1")[0]
    assert row["kubernetes"] == {"pod": "p1"}
    assert row["labels"] == {"app.kubernetes.io/name": "web"}


def test_replace_changes_only_rows_that_have_the_key(logs):
    rows = logs.data("replace dur with dur * 2")
    assert [row.get("dur") for row in rows] == [3, None, 6, None, None]
    assert "dur" not in rows[1]


def test_convert_changes_the_stored_type(logs):
    rows = logs.data("convert datatypes status:number, dur:string")
    assert rows[1]["status"] == 500
    assert rows[0]["dur"] == "1.5"
    assert "dur" not in rows[1]


def test_redact_replaces_text_or_pattern(logs):
    query = (
        "redact msg matching /[a-z]+_code/ to '\\\\1 X' | redact msg 'failed' to 'Y'"
    )
    assert logs.data(query)[1]["msg"] == "\\1 X=7 Y"
    assert "msg" not in logs.data(query)[4]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("create $d from 1", "a keypath to write to is needed"),
        ("create $p.x from 1", "a keypath to write to is needed"),
        ("remove $m", "a keypath to write to is needed"),
        ("choose user as $d", "a keypath to write to is needed"),
        ("create x.length() from 1", "a keypath such as"),
        ("convert status", "a keypath with a type"),
        ("redact msg matching 5 to 'x'", "a text or a /pattern/"),
    ],
)
def test_nonsense_is_refused(logs, query, message):
    with pytest.raises(DataPrimeError) as caught:
        logs.compile(query)
    assert message in caught.value.message


def test_failing_policies_are_not_known(logs):
    with pytest.raises(UnknownConstructError, match="on keypath exists 'fail'"):
        logs.compile("create x from 1 on keypath exists fail")


def test_an_unnamed_expression_gets_a_name_of_its_own(logs):
    assert logs.data("limit 1 | choose 1 + 1, user") == [{"_expr0": 2, "user": "ann"}]


def test_a_null_or_a_pattern_can_be_stored(logs):
    assert logs.data("limit 1 | create user from null | choose user") == [
        {"user": None}
    ]
    assert logs.data("groupby null as a agg count() as n") == [{"a": None, "n": 5}]
    assert logs.data("limit 1 | create x from (/a+/) | choose x") == [{"x": "a+"}]
